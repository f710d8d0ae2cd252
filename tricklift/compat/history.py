"""The log's history of numbers is bounded.

Why: mmengine keeps the last million values of each number that is logged, in memory and in every
checkpoint, and copies all of them at each step. Means are taken over 10 steps; an epoch's mean
(`window_size='epoch'`) then is that of its last steps.
"""

from typing import Any

from mmengine.hooks import Hook

__all__ = ["KEPT", "BoundedHistory"]

#: Values of each number.
KEPT = 10_000


class BoundedHistory(Hook):
    """Keeps the last `KEPT` values of each logged number."""

    priority = "VERY_HIGH"

    def after_train_iter(self, runner: Any, *batch: Any, **more: Any) -> None:
        """Also those that are logged for the first time."""
        for buffer in runner.message_hub.log_scalars.values():
            buffer.max_length = min(buffer.max_length, KEPT)
