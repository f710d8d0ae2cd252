"""Trainings that are stopped, as by Ctrl-C, after an epoch's checkpoint or within an epoch."""

from typing import Any

import pytest
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner


class StopsAfter(Hook):
    """Ends the process's training after an epoch."""

    priority = "LOWEST"

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def after_train_epoch(self, runner: Any) -> None:
        if runner.epoch + 1 == self.epoch:
            raise KeyboardInterrupt


class SavesAndStops(Hook):
    """Saves a checkpoint after a step and ends the training, as a cluster's signal would."""

    priority = "LOWEST"

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def after_train_iter(self, runner: Any, *batch: Any, **more: Any) -> None:
        if runner.iter + 1 == self.steps:
            (hook,) = (hook for hook in runner.hooks if isinstance(hook, CheckpointHook))
            meta = dict(epoch=runner.epoch, iter=self.steps)
            hook._save_checkpoint_with_step(runner, f"step_{self.steps}", meta)
            raise KeyboardInterrupt


def train_and_stop(runner: Runner, epoch: int | None = None, steps: int | None = None) -> None:
    """Trains so many epochs, or steps, of a longer training."""
    if steps is None:
        runner.register_hook(StopsAfter(epoch))
    else:
        runner.register_hook(SavesAndStops(steps))
    with pytest.raises(KeyboardInterrupt):
        runner.train()
