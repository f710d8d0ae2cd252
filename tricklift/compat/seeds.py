"""A resumed run draws new random numbers; mmengine lets it draw again what it drew at its start.

Why: mmengine seeds the process when a Runner is built, and each data worker when it starts, from
the run's seed alone; a checkpoint does not hold the state of the generators. A run that is stopped
after each epoch would have the same lambdas, flips, colours and crops in all of them.
"""

from functools import partial
from typing import Any

import mmengine.hooks
import numpy as np
from mmengine.hooks import DistSamplerSeedHook as UpstreamSeedHook
from mmengine.registry import HOOKS
from mmengine.runner import set_random_seed
from torch.utils.data import DataLoader

__all__ = ["DistSamplerSeedHook", "install", "seed_at"]


class DistSamplerSeedHook(UpstreamSeedHook):
    """mmengine's hook; it seeds a resumed run by its seed and the iteration that it is at.

    The same run, stopped at the same iterations, draws the same. A run in one piece is as before.
    """

    def before_train(self, runner: Any) -> None:
        """Seeds this process, and the data workers that are still to start."""
        if runner.iter == 0:
            return
        seed = seed_at(runner.seed, runner.iter)
        by_rank = (runner.cfg.get("randomness") or {}).get("diff_rank_seed", False)
        set_random_seed(seed, diff_rank_seed=by_rank)
        _seed_workers(runner.train_dataloader, seed)


def seed_at(seed: int, iteration: int) -> int:
    """A seed of its own, below 2^31, for a run that is resumed at an iteration."""
    return int(np.random.SeedSequence([seed, iteration]).generate_state(1)[0] >> 1)


def _seed_workers(loader: DataLoader[Any], seed: int) -> None:
    """In iteration-based loops workers run already: they draw for the skipped data, and go on."""
    start = loader.worker_init_fn
    if isinstance(start, partial) and "seed" in start.keywords:
        loader.worker_init_fn = partial(start, seed=seed)


def install() -> None:
    """Replace mmengine's hook, in the registry and where it is imported."""
    HOOKS.register_module(name="DistSamplerSeedHook", module=DistSamplerSeedHook, force=True)
    vars(mmengine.hooks)["DistSamplerSeedHook"] = DistSamplerSeedHook
