"""One classifier on all processes: their running statistics are averaged after each epoch.

Why: each process normalises by the statistics of its own images. Rank 0's are saved, and without
this each process would validate its share of the images with its own.
"""

from typing import Any

from mmengine.dist import all_reduce_params, get_world_size
from mmengine.hooks import EMAHook, SyncBuffersHook
from mmengine.runner import Runner

from cls.checks import classifier_of


class SyncStatisticsHook(SyncBuffersHook):
    """mmengine's `SyncBuffersHook`, for the averaged weights of `EMAHook` too.

    After each training epoch, so before its checkpoint and validation; with a loop by iterations,
    before each validation.
    """

    def before_val_epoch(self, runner: Any) -> None:
        """Averages the buffers, unless the end of a training epoch has just done so."""
        if not self.called_in_train:
            average_ema(runner)
        super().before_val_epoch(runner)

    def after_train_epoch(self, runner: Any) -> None:
        """Averages the buffers."""
        average_ema(runner)
        super().after_train_epoch(runner)


def average_ema(runner: Any) -> None:
    """Takes the mean over all processes of the buffers that an `EMAHook` keeps."""
    for hook in runner.hooks:
        if isinstance(hook, EMAHook):
            all_reduce_params(hook.ema_model.buffers(), op="mean")


def sync_statistics(runner: Runner) -> None:
    """Registers the hook where several processes train a classifier of ours."""
    known = any(isinstance(hook, SyncStatisticsHook) for hook in runner.hooks)
    if get_world_size() > 1 and classifier_of(runner) is not None and not known:
        runner.register_hook(SyncStatisticsHook())
