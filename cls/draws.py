"""The random numbers of a classifier's training steps."""

import zlib
from collections import Counter

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub


class Draws:
    """Gives each use in each step a generator on the device, whose seed is all of its state.

    The seed comes from the run's seed, the iteration, the use and the rank; what all processes
    shall draw alike leaves the rank out. So a resumed run draws what a run in one piece draws, and
    no trick changes what another one draws. mmengine keeps both the seed and the iteration in its
    checkpoints. Outside of a Runner the seed is torch's, and steps count from 0.
    """

    def __init__(self) -> None:
        self.run: tuple[int, int] | None = None
        self.calls: Counter[str] = Counter()

    @torch.compiler.disable
    def __call__(self, use: str, device: torch.device, alike: bool = False) -> torch.Generator:
        """The generator of the next step.

        Args:
            use: What the numbers are for; asked for once in each step.
            device: Where they are drawn.
            alike: Whether all processes draw the same.
        """
        if self.run is None:
            hub = MessageHub.get_current_instance()
            seed = hub.get_info("seed")
            self.run = (torch.initial_seed() if seed is None else seed, hub.get_info("iter") or 0)
        seed, start = self.run
        entropy = [seed, start + self.calls[use], zlib.crc32(use.encode())]
        entropy += [] if alike else [get_rank()]
        self.calls[use] += 1
        state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
        return torch.Generator(device).manual_seed(int(state[0]))
