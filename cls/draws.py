"""Random numbers on the device that differ from one process of a distributed training to another.

mmengine seeds all processes alike, so each would give its own images the same flips, colours and
partners as the others give theirs.
"""

from collections.abc import Callable

import torch
from mmengine.dist import get_rank
from torch import Tensor

#: Draws from a generator; None is the device's global one.
Draw = Callable[[torch.Generator | None], Tensor]
#: Gives a `Draw` its generator; the device is the one that the numbers are on.
Drawer = Callable[[Draw, torch.device], Tensor]


def alike(draw: Draw, device: torch.device) -> Tensor:
    """Draw from the global generator: the same in all processes."""
    return draw(None)


class Draws:
    """Draws from the global generator on rank 0, and from one of its own on each other rank.

    A rank's own generator starts from the run's seed + rank. Such a rank draws from the global one
    too and drops that: so the global one stays alike on all ranks, as it must for what all of them
    share (mixup's lambda).
    """

    def __init__(self) -> None:
        self.generators: dict[torch.device, torch.Generator] = {}

    def __call__(self, draw: Draw, device: torch.device) -> Tensor:
        """What `draw` gives on this rank."""
        common, rank = alike(draw, device), get_rank()
        if rank == 0:
            return common
        if device not in self.generators:
            generator = torch.Generator(device).manual_seed(torch.initial_seed() + rank)
            self.generators[device] = generator
        return draw(self.generators[device])
