"""mmengine's early stopping, for runs that are stopped in between and resumed.

Why: `EarlyStoppingHook` counts the validations without a rise in memory alone, so a run that is
resumed now and then would never end early, and one that has ended early would go on when resumed.
"""

from typing import Any

from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from mmengine.registry import HOOKS

__all__ = ["ResumableEarlyStopping"]


@HOOKS.register_module()
class ResumableEarlyStopping(EarlyStoppingHook):
    """`EarlyStoppingHook`, with the validations before a resume counted too.

    They are read from the checkpoint's message hub. A checkpoint is written before the validation
    of its own step (and again after it where that was the best); one that it lacks is made up for
    on resume (`compat.resume`). The validation that ends the run is never lacking: the checkpoint
    is saved once more with it.
    """

    training = False

    def before_train(self, runner: Any) -> None:
        """Count what a resumed run has behind it; ends the run at once if that was enough."""
        self.training = True
        history = runner.message_hub.log_scalars.get(f"val/{self.monitor}")
        if runner.iter == 0 or history is None:
            return
        for score in history.data[0]:
            stop, reason = self._check_stop_condition(float(score))
            if stop:
                runner.train_loop.stop_training = True
                runner.logger.info(f"stopped before it was resumed: {reason}")
                return

    def after_val_epoch(self, runner: Any, metrics: dict[str, float]) -> None:
        """Decide whether the run ends; its last checkpoint then holds this validation too."""
        loop = runner.train_loop
        ended_before = loop.stop_training
        super().after_val_epoch(runner, metrics)
        if self.training and loop.stop_training and not ended_before:
            _save_again(runner)


def _save_again(runner: Any) -> None:
    """Save a checkpoint of this step, as `CheckpointHook` does after the best validation."""
    meta = dict(epoch=runner.epoch, iter=runner.iter)
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook):
            step = runner.epoch if hook.by_epoch else runner.iter
            hook._save_checkpoint_with_step(runner, step, meta)
