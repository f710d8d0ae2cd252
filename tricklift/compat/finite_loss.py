"""A training stops at the first loss that is not finite; mmengine's trains on to its end.

The check is made on the losses' device. On a CPU it is read at once. On CUDA it is copied to the
host without waiting, and read as soon as it is there, one or two steps later; before a checkpoint,
a validation and the end of the training it is waited for, so that nothing is written after the
step. With float16 a gradient that is not finite is usual, and `GradScaler` passes over its step; a
loss that is not finite is not.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from mmengine.dataset import DefaultSampler
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from torch import Tensor

from tricklift.errors import UserError

__all__ = ["FiniteLoss"]

#: As many pictures are named in the message; the log has all of a batch.
SHOWN = 8


@dataclass
class Step:
    """A step whose losses are not yet read.

    Attributes:
        number: Its iteration, from 1.
        epoch: Its epoch, from 0.
        batch: Its place in the epoch, from 0.
        parts: Names of the losses.
        finite: For each of them, and last for all processes; bool, on the host.
        images: Paths of its batch, as far as that has them.
        arrived: When `finite` holds the values; None where it does already.
    """

    number: int
    epoch: int
    batch: int
    parts: list[str]
    finite: Tensor
    images: list[str]
    arrived: torch.cuda.Event | None


class FiniteLoss(Hook):
    """Stops a training whose loss is not finite.

    Raises:
        UserError: Names the step, the parts of the loss, and the pictures of this process's batch.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self.waiting: deque[Step] = deque()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Look at this step's losses, and read those of earlier ones that have arrived."""
        losses = {key: value for key, value in (outputs or {}).items() if _is_loss(key, value)}
        if losses:
            finite, arrived = _look(list(losses.values()))
            place, images = (runner.iter + 1, runner.epoch, batch_idx), _images(data_batch)
            self.waiting.append(Step(*place, list(losses), finite, images, arrived))
        self._read(runner, wait=False)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Nothing is saved after a bad step."""
        self._read(runner)

    def before_val_epoch(self, runner: Any) -> None:
        """Nothing is validated after a bad step."""
        self._read(runner)

    def after_train(self, runner: Any) -> None:
        """A bad last step is no end."""
        self._read(runner)

    def _read(self, runner: Any, wait: bool = True) -> None:
        while self.waiting:
            arrived = self.waiting[0].arrived
            if arrived is not None:
                if not wait and not arrived.query():
                    return
                arrived.synchronize()
            step = self.waiting.popleft()
            if not step.finite.all():
                _stop(runner, step)


def _is_loss(key: str, value: Any) -> bool:
    return "loss" in key and isinstance(value, Tensor)  # mmengine sums those


def _look(losses: list[Tensor]) -> tuple[Tensor, torch.cuda.Event | None]:
    """`Step.finite` of some losses, and `Step.arrived`."""
    finite = torch.stack([loss.detach().float().reshape(()) for loss in losses]).isfinite()
    everywhere = finite.all().float().reshape(1)
    if get_world_size() > 1:  # all processes stop, and the first one saves nothing more
        all_reduce(everywhere, op="min")
    finite = torch.cat([finite, everywhere.bool()])
    if finite.device.type != "cuda":
        return finite.cpu(), None
    host = torch.empty(finite.shape, dtype=torch.bool, pin_memory=True)
    host.copy_(finite, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()
    return host, arrived


def _images(batch: Any) -> list[str]:
    """Paths of a batch's pictures, where it has OpenMMLab's `data_samples`."""
    samples = batch.get("data_samples") if isinstance(batch, Mapping) else None
    paths = [getattr(sample, "img_path", None) for sample in samples or ()]
    return [path for path in paths if path]


def _from_sampler(loader: Any, step: Step) -> list[str]:
    """Paths of a batch's pictures, drawn once more by a sampler that knows its seed and epoch."""
    batches: Any = getattr(loader, "batch_sampler", None)
    sampler = getattr(batches, "sampler", None)
    if not isinstance(sampler, DefaultSampler) or not hasattr(loader.dataset, "get_data_info"):
        return []
    sampler.set_epoch(step.epoch)
    places: list[int] = next(islice(iter(batches), step.batch, None), [])
    return [str(loader.dataset.get_data_info(place).get("img_path")) for place in places]


def _stop(runner: Any, step: Step) -> None:
    bad = [part for part, fine in zip(step.parts, step.finite.tolist(), strict=False) if not fine]
    parts = [part for part in bad if part != "loss"] or bad  # `loss` is the sum of them
    what = ", ".join(parts) if parts else "the loss of another process"
    images = (step.images or _from_sampler(runner.train_dataloader, step)) if parts else []
    batch = ""
    if images:
        runner.logger.error(f"images of step {step.number}: {', '.join(images)}")
        more = ", ..." if len(images) > SHOWN else ""
        batch = f"; the images of its batch: {', '.join(images[:SHOWN])}{more}"
    raise UserError(
        f"step {step.number}: {what} is not finite{batch}. The checkpoints in {runner.work_dir} "
        "are from before it. Look at these images and their labels, lower the learning rate, or "
        "clip gradients"
    )
