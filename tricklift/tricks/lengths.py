"""Schedules follow a training's length that is set after them, by `--cfg-options`.

Warmup and cosine take their lengths, in epochs, from `warmup_epochs` and `train_cfg.max_epochs` of
what stands above them in a config; other schedules name theirs. A rate whose decay ends elsewhere
than the training spoils a run. What cannot follow is refused when the run starts, as in every run
(`tricklift.compat.lengths`).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mmengine.config import Config

from tricklift.errors import UserError

#: What sets the lengths of the tricks.
KEYS = ("train_cfg.max_epochs", "warmup_epochs")


class Lengths(NamedTuple):
    """Lengths that a config names.

    Attributes:
        by_epoch: Whether they are epochs, else iterations.
        total: Of the training; 0 where it is not said.
        warmup: Of the warmup, in epochs; 0 where it is not said.
    """

    by_epoch: bool
    total: int
    warmup: int


def lengths(cfg: Config) -> Lengths:
    """The lengths that a config names.

    Raises:
        UserError: One is no whole number.
    """
    loop = cfg.get("train_cfg") or {}
    epochs, iters = (_whole(loop, key, "train_cfg.") for key in ("max_epochs", "max_iters"))
    return Lengths(bool(epochs) or not iters, epochs or iters, _whole(cfg, "warmup_epochs"))


def _whole(section: Mapping[str, Any], key: str, above: str = "") -> int:
    value = section.get(key) or 0
    if not isinstance(value, int | float) or value != int(value):
        raise UserError(f"{above}{key} is a whole number, got {value!r}; correct it")
    return int(value)


def refuse_others(cfg: Config) -> None:
    """Refuses a config that sets a length below its `use` line, where the tricks do not see it.

    Raises:
        UserError: Naming the trick and both lengths.
    """
    tricks = cfg.get("tricks") or ()
    for scheduler in cfg.get("param_scheduler") or ():
        wanted: dict[str, int] = {}
        if scheduler["type"] == "LinearLR" and (trick := "warmup") in tricks:
            wanted = dict(begin=0, end=cfg.warmup_epochs)
        if scheduler["type"] == "CosineAnnealingLR" and (trick := "cosine") in tricks:
            begin = cfg.warmup_epochs if "warmup" in tricks else scheduler["begin"]
            wanted = dict(begin=begin, end=cfg.train_cfg.max_epochs)
        if any(scheduler[key] != value for key, value in wanted.items()):
            raise UserError(
                f"trick {trick!r} goes from epoch {scheduler['begin']} to {scheduler['end']}, but "
                f"{' and '.join(KEYS)} of this config ask for {wanted['begin']} to {wanted['end']}"
                "; set them above its use(...) line, or begin and end in param_scheduler with them"
            )


def follow(cfg: Config, before: Lengths, options: Mapping[str, Any]) -> None:
    """Moves the schedules of a config to lengths that `--cfg-options` have set.

    What begins or ends with the warmup or the training goes on doing so, and milestones keep their
    place in the training. Schedules in another unit, such as a warmup by iterations in a training
    by epochs, stay, and so do all where the options set schedulers themselves.

    Args:
        cfg: With the options.
        before: The lengths without them.
        options: Of the command line.
    """
    now = lengths(cfg)
    if before == now or any("param_scheduler" in key for key in options):
        return
    if before.by_epoch != now.by_epoch or not before.total:
        return
    moved = {before.total: now.total}
    if before.by_epoch and before.warmup:
        moved = {before.warmup: now.warmup, **moved}
    schedulers = cfg.get("param_scheduler") or ()
    for scheduler in [schedulers] if isinstance(schedulers, Mapping) else schedulers:
        if scheduler.get("by_epoch", True) == now.by_epoch:
            _move(scheduler, moved, before.total, now.total)


def _move(scheduler: Any, moved: Mapping[int, int], before: int, now: int) -> None:
    begin = scheduler.get("begin", 0)
    end = scheduler.get("end", begin + scheduler.get("T_max", before - begin))
    start, stop = moved.get(begin, begin), moved.get(end, end)
    if start >= stop:
        return  # all of the training is warmup
    changes = dict(begin=start, end=stop, total_steps=moved.get(scheduler.get("total_steps", 0)))
    if "T_max" in scheduler:
        changes["T_max"] = scheduler["T_max"] + (stop - start) - (end - begin)
    scheduler.update({key: value for key, value in changes.items() if value and key in scheduler})
    if "milestones" in scheduler:
        scheduler["milestones"] = [
            max(1, min(round(step * now / before), now - (step < before)))
            for step in scheduler["milestones"]
        ]
