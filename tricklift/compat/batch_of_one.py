"""A batch of 1 where a norm would have one value a channel, refused before the first step.

Why: the mean of one value is the value, so a batch norm on a map of 1x1 (the global branch of
PSPNet, DeepLabV3, ...) has nothing to normalise by. torch raises in the step that it happens in,
which is the last one of an epoch where a batch of 1 is left over; our synchronised norm for CPUs
would go on with a variance of 0 in a single process.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tricklift.compat.sync_bn import CpuSyncBatchNorm
from tricklift.errors import UserError

__all__ = ["BatchOfOne", "norms_of_one_value", "smallest_batch"]

#: Norms that gather what they need from all processes.
SYNCHRONISED = (nn.SyncBatchNorm, CpuSyncBatchNorm)


class BatchOfOne(Hook):
    """Refuses a training with batches of 1 where a batch norm has one value a channel then.

    Raises:
        UserError: Names the norms, the batch and what to set.
    """

    priority = "VERY_HIGH"

    def before_train(self, runner: Any) -> None:
        """Looks at how large batches get; at batches of 1, runs the model on one, without a step.

        The model is left as it was.
        """
        loader = runner.train_dataloader
        if smallest_batch(loader) != 1:
            return
        inner = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not hasattr(inner, "data_preprocessor"):
            return
        batch = loader.collate_fn([loader.dataset[0]])
        norms = norms_of_one_value(inner, batch, get_world_size())
        if not norms:
            return
        more = f" and {len(norms) - 1} more" if norms[1:] else ""
        raise UserError(
            f"model.{norms[0]}{more}: a batch norm on maps of 1x1 pixels has one value a channel "
            f"in a batch of 1, and nothing to normalise by; {_remedy(loader)}"
        )


def _remedy(loader: Any) -> str:
    batches = loader.batch_sampler
    others = "or give this part another norm (norm_cfg=dict(type='GN', num_groups=32))"
    if batches.batch_size == 1:
        return f"set train_dataloader.batch_size to 2 or more, {others}"
    return (
        f"the last batch of an epoch has 1 image ({len(batches.sampler)} in batches of "
        f"{batches.batch_size}): set train_dataloader.drop_last=True, another batch_size, {others}"
    )


def smallest_batch(loader: Any) -> int | None:
    """Images in the smallest batch that a loader gives this process; None where nothing says it.

    Args:
        loader: As mmengine's Runner builds it.
    """
    batches = getattr(loader, "batch_sampler", None)
    size = getattr(batches, "batch_size", None)
    sampler = getattr(batches, "sampler", None)
    if not isinstance(size, int) or sampler is None:
        return None
    endless = isinstance(sampler, InfiniteSampler) or not hasattr(sampler, "__len__")
    if endless or getattr(batches, "drop_last", False):
        return size
    return len(sampler) % size or size


def norms_of_one_value(model: nn.Module, batch: Any, world_size: int) -> list[str]:
    """Names of batch norms that have one value a channel in a training step on a batch.

    Runs the loss forward once, without gradients and without a change of the model. Where that
    fails, the list holds what was found until then: the training will say why.

    Args:
        model: With mmengine's `data_preprocessor` and `forward(..., mode="loss")`.
        batch: As the loader gives it.
        world_size: Processes that a synchronised norm gathers from; each has such a batch.
    """
    found: list[str] = []
    with _norms_at_rest(model) as norms:
        handles = [
            norm.register_forward_pre_hook(_counting(name, found, world_size))
            for name, norm in norms.items()
        ]
        try:
            with torch.no_grad(), suppress(Exception):
                data = model.data_preprocessor(batch, True)  # type: ignore[operator]
                model._run_forward(data, mode="loss")  # type: ignore[operator]
        finally:
            for handle in handles:
                handle.remove()
    return found


def _counting(name: str, found: list[str], world_size: int) -> Any:
    def count(norm: nn.Module, inputs: tuple[Any, ...]) -> None:
        values = inputs[0].numel() // max(1, inputs[0].size(1))
        if isinstance(norm, SYNCHRONISED):
            values *= world_size
        if values == 1 and name not in found:
            found.append(name)

    return count


@contextmanager
def _norms_at_rest(model: nn.Module) -> Iterator[dict[str, nn.Module]]:
    """The batch norms that a training normalises by the batch with, put to evaluation for a block.

    Buffers are put back afterwards (some heads move theirs in each forward).
    """
    was = model.training
    model.train()
    parts = {name: part for name, part in model.named_modules() if isinstance(part, _BatchNorm)}
    norms: dict[str, nn.Module] = {n: p for n, p in parts.items() if p.training}
    kept = {name: value.clone() for name, value in model.named_buffers()}
    try:
        for norm in norms.values():
            norm.training = False
        yield norms
    finally:
        for norm in norms.values():
            norm.training = True
        for name, value in model.named_buffers():
            if name in kept:
                value.copy_(kept[name])
        model.train(was)
