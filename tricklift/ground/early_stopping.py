"""mmengine's early stopping, for runs that are stopped in between and resumed.

Why: `EarlyStoppingHook` counts the validations without a rise in memory alone, so a run that is
resumed now and then would never end early, and one that has ended early would go on when resumed.
"""

from typing import Any

from mmengine.hooks import EarlyStoppingHook
from mmengine.registry import HOOKS

__all__ = ["ResumableEarlyStopping"]


@HOOKS.register_module()
class ResumableEarlyStopping(EarlyStoppingHook):
    """`EarlyStoppingHook`, with the validations before a resume counted too.

    They are read from the checkpoint's message hub. A checkpoint is written before the validation
    of its own step (and again after it where that was the best), so that one may not be counted.
    """

    def before_train(self, runner: Any) -> None:
        """Count what a resumed run has behind it; ends the run at once if that was enough."""
        history = runner.message_hub.log_scalars.get(f"val/{self.monitor}")
        if runner.iter == 0 or history is None:
            return
        for score in history.data[0]:
            stop, reason = self._check_stop_condition(float(score))
            if stop:
                runner.train_loop.stop_training = True
                runner.logger.info(f"stopped before it was resumed: {reason}")
                return
