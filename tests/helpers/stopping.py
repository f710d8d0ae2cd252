"""Trainings that are stopped, as by Ctrl-C, right after an epoch's checkpoint is written."""

from typing import Any

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner


class StopsAfter(Hook):
    """Ends the process's training after an epoch."""

    priority = "LOWEST"

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def after_train_epoch(self, runner: Any) -> None:
        if runner.epoch + 1 == self.epoch:
            raise KeyboardInterrupt


def train_and_stop(runner: Runner, epoch: int) -> None:
    """Trains so many epochs of a longer training."""
    runner.register_hook(StopsAfter(epoch))
    with pytest.raises(KeyboardInterrupt):
        runner.train()
