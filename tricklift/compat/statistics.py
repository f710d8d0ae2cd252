"""One model on all processes: their running statistics are averaged before they are used or saved.

Why: each process normalises by the statistics of its own images, and mmengine's DDP leaves buffers
alone. Rank 0's would be saved, and each process would validate its share of the images with its
own. mmengine's `SyncBuffersHook` knows neither the average of weights nor checkpoints that a loop
by iterations saves.
"""

from typing import Any

from mmengine.dist import all_reduce_params
from mmengine.hooks import EMAHook, Hook

__all__ = ["StatisticsHook", "average_statistics"]


def average_statistics(runner: Any) -> None:
    """Takes the mean over all processes of the buffers of the model, and of those of an EMA.

    Whole numbers (counters, indices) are the same on all anyway. Every process must come here;
    nothing happens where there is one.
    """
    averages = [hook.ema_model for hook in runner.hooks if isinstance(hook, EMAHook)]
    for model in (runner.model, *averages):
        changing = [value for value in model.buffers() if value.is_floating_point()]
        all_reduce_params(changing, op="mean")


class StatisticsHook(Hook):
    """Averages after each training epoch, and before each validation.

    `CheckpointHook` does so before it saves.
    """

    def after_train_epoch(self, runner: Any) -> None:
        """With a loop by iterations this is the end of the training."""
        average_statistics(runner)

    def before_val_epoch(self, runner: Any) -> None:
        """Before the weights of an EMA are swapped in, or after: both are averaged."""
        average_statistics(runner)
