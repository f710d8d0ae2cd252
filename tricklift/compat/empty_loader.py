"""Whether a training has a step to make.

Why: with `drop_last`, a set smaller than one batch gives an empty data loader. mmengine's loop by
epochs then ends without a step and without a word, and its schedules that count iterations fail by
an assertion.
"""

from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_world_size

from tricklift.errors import UserError


def check_steps(loader: Any) -> None:
    """Refuses a training loader that gives no batch; one that never ends always gives some.

    Args:
        loader: Of this process, as mmengine's Runner builds it.

    Raises:
        UserError: It is empty; names the images, the batch size and the processes.
    """
    batches: Any = getattr(loader, "batch_sampler", None)
    sampler = getattr(batches, "sampler", None)
    if sampler is None or isinstance(sampler, InfiniteSampler) or len(loader) > 0:
        return
    images, world, each = len(loader.dataset), get_world_size(), len(sampler)
    smaller = f"set train_dataloader.batch_size to {each} at the most, or " if each else ""
    raise UserError(
        f"the training would end before its first step: {images} images on {world} "
        f"process{'es' if world > 1 else ''} ({each} on each) make no batch of "
        f"{batches.batch_size}; {smaller}give train_dataloader.dataset more images"
    )
