"""CpuTuning: applies this package to what runs on a CPU, in every way in."""

from typing import Any

from mmengine.hooks import Hook

from tricklift.compat.tuning.memory import keep_freed
from tricklift.compat.tuning.small_maps import speed_up

__all__ = ["CpuTuning"]


class CpuTuning(Hook):
    """Keeps freed memory, and speeds up the convolutions of a model that is trained on a CPU."""

    priority = "VERY_HIGH"

    def before_run(self, runner: Any) -> None:
        """Keeps memory from here on."""
        keep_freed()

    def before_train(self, runner: Any) -> None:
        """Speeds up the model."""
        if next(runner.model.parameters()).device.type == "cpu":
            speed_up(runner.model)
