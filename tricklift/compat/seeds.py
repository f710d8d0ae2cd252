"""What a training step draws follows from the run's seed, the step and the process alone.

Why: mmengine seeds the process when a Runner is built and each data worker when it starts; from
there on all that is drawn depends on all that was drawn before. Its checkpoints hold no state of
the generators, so a resumed run draws what no run in one piece would draw. Here the generators of
Python, numpy and torch are seeded anew for each image that is loaded (`tricklift.compat.batches`)
and for each step (dropout, sampling of RoIs, random depth): a step draws the same whatever was
drawn before it, with any number of data workers, before and after a resume.
"""

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from tricklift.compat.devices import has_accelerator

__all__ = ["LOADING", "STEP", "StepSeeds", "seed_generators"]

#: What numbers are drawn for: the augmentation of an image, and the step of the model.
LOADING, STEP = 1, 2


def seed_generators(*entropy: int, devices: bool = True) -> None:
    """Seeds Python's, numpy's and torch's global generators by a hash of whole numbers.

    Args:
        entropy: Not negative; other numbers give independent streams.
        devices: Also those of accelerators; a data worker has none.
    """
    state = [int(word) for word in np.random.SeedSequence(entropy).generate_state(8)]
    random.seed(state[0] << 32 | state[1])
    np.random.seed(state[2:6])
    seed = state[6] << 32 | state[7]
    if devices and has_accelerator():
        torch.manual_seed(seed)
    else:  # `manual_seed` would queue a seed and a stack for a CUDA that never comes
        torch.default_generator.manual_seed(seed)


class StepSeeds(Hook):
    """Seeds what a training step draws by the run's seed, the step and the process."""

    priority = "VERY_HIGH"

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seeds this process; what loads data seeds itself."""
        seed_generators(runner.seed, STEP, runner.iter, get_rank())
