"""Training ends when its metric has not risen in a quarter of the validations, at least three.

It is validated ten times or more, after each epoch where there are fewer than ten, so that there is
something to watch; 0.1 points count as a rise. A set that decides when to stop is no longer a test
set: report such a run with that in mind, or give val_dataloader images of its own. Not in the
paper. Source: Prechelt, "Early stopping, but when?", 1998; mmengine's EarlyStoppingHook, made to
survive a resume.
"""

from tricklift.errors import UserError

_monitors = {
    "cls": ("accuracy/top1", 0.1),
    "det": ("pascal_voc/mAP", 0.001),
    "seg": ("mIoU", 0.1),
}
_task = base.get("benchmark", {}).get("task")
if _task not in _monitors:
    raise UserError(
        "trick 'early_stopping' must know which metric to watch: the config needs "
        f"benchmark=dict(task={'|'.join(_monitors)}, ...), its task is {_task!r}"
    )
_metric, _rise = _monitors[_task]
_length = "max_epochs" if base.train_cfg.get("max_epochs") else "max_iters"
_total = base.train_cfg[_length]
_interval = min(base.train_cfg.val_interval, max(1, _total // 10))
_patience = max(3, round(_total / _interval / 4))
if _total / _interval <= _patience + 1:  # the first is a rise, and the last one ends it anyway
    raise UserError(
        f"trick 'early_stopping' could end nothing early: train_cfg.{_length}={_total} leaves room "
        f"for as many validations, and it waits for {_patience} after the best one; set "
        f"{_length} to {_patience + 2} or more in the config, or leave the trick out"
    )
train_cfg = dict(val_interval=_interval)
if "max_iters" in base.train_cfg:  # where it stops, there shall be a checkpoint
    default_hooks = dict(checkpoint=dict(interval=_interval))
custom_hooks = [
    *base.get("custom_hooks", []),
    dict(
        type="ResumableEarlyStopping",
        monitor=_metric,
        rule="greater",
        min_delta=_rise,
        patience=_patience,
        strict=True,
    ),
]
