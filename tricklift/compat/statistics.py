"""One model on all processes: their running statistics are averaged before they are used or saved.

Why: each process normalises by the statistics of its own images, and mmengine's DDP leaves buffers
alone. Rank 0's would be saved, and each process would validate its share of the images with its
own. mmengine's `SyncBuffersHook` knows neither the average of weights nor checkpoints that a loop
by iterations saves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import (
    all_reduce_params,
    gather_object,
    get_rank,
    get_world_size,
)
from mmengine.hooks import EMAHook, Hook
from torch import Tensor

__all__ = ["StatisticsHook", "average_statistics", "averaged"]

#: In a checkpoint of several processes: the buffers of each one.
OF_RANKS = "buffers_of_ranks"


def _changing(runner: Any) -> list[list[Tensor]]:
    """Buffers of the model, and of each EMA. Whole numbers (counters) are alike on all anyway."""
    averages = [hook.ema_model for hook in runner.hooks if isinstance(hook, EMAHook)]
    return [
        [value for value in model.buffers() if value.is_floating_point()]
        for model in (runner.model, *averages)
    ]


def average_statistics(runner: Any) -> None:
    """Takes the mean over all processes of the buffers of the model, and of those of an EMA.

    Every process must come here; nothing happens where there is one.
    """
    for buffers in _changing(runner):
        all_reduce_params(buffers, op="mean")


@contextmanager
def averaged(runner: Any) -> Iterator[None]:
    """Averages for the time of a block, in which a checkpoint is saved.

    Afterwards each process goes on with its own: a run that saves more often is the same run.
    """
    hooks = [hook for hook in runner.hooks if isinstance(hook, StatisticsHook)]
    if get_world_size() == 1 or any(hook.own is not None for hook in hooks):
        yield  # a block within another one joins it
        return
    own = [[buffer.clone() for buffer in buffers] for buffers in _changing(runner)]
    average_statistics(runner)
    of_ranks = gather_object([[buffer.cpu() for buffer in part] for part in own])
    for hook in hooks:
        hook.own = of_ranks or []
    try:
        yield
    finally:
        _set(runner, own)
        for hook in hooks:
            hook.own = None


@torch.no_grad()
def _set(runner: Any, values: list[list[Tensor]]) -> None:
    for buffers, own in zip(_changing(runner), values, strict=True):
        for buffer, value in zip(buffers, own, strict=True):
            buffer.copy_(value)


class StatisticsHook(Hook):
    """Averages after each training epoch, and before each validation.

    `CheckpointHook` does so while it saves; each process's own are saved beside the mean.
    """

    #: While a checkpoint is saved: of each process, on rank 0.
    own: list[list[list[Tensor]]] | None = None
    loaded: list[list[Tensor]] | None = None

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Adds the buffers of all processes, in what can be resumed."""
        if self.own and "optimizer" in checkpoint:
            checkpoint[OF_RANKS] = self.own

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Keeps those of this process, in a resumed run."""
        of_ranks = checkpoint.pop(OF_RANKS, None) or []
        same = runner._resume and len(of_ranks) == get_world_size()
        self.loaded = of_ranks[get_rank()] if same else None

    def before_train(self, runner: Any) -> None:
        """Sets them."""
        if self.loaded is not None:
            _set(runner, self.loaded)
        self.loaded = None

    def after_train_epoch(self, runner: Any) -> None:
        """With a loop by iterations this is the end of the training."""
        average_statistics(runner)

    def before_val_epoch(self, runner: Any) -> None:
        """Before the weights of an EMA are swapped in, or after: both are averaged."""
        average_statistics(runner)
