"""A schedule is as long as its training, at the start and when it is resumed.

Why: where a schedule ends before the training does, mmengine trains on at its last rate; a longer
one it cuts off. On resume it takes ends, milestones and base rates from the checkpoint, whatever
the config says, and the rate stays that of another number of processes.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.optim import scheduler as kinds
from mmengine.runner import BaseLoop, IterBasedTrainLoop

from tricklift.compat.recipe import note
from tricklift.errors import UserError

__all__ = ["LengthChecks"]

#: Their curve is drawn over the whole of their length, so they must end with the training.
CURVES = (
    kinds.CosineAnnealingParamScheduler,
    kinds.CosineRestartParamScheduler,
    kinds.OneCycleParamScheduler,
    kinds.PolyParamScheduler,
)
#: They can be cut off anywhere, but must not end before the training does.
STEADY = (kinds.ExponentialParamScheduler, kinds.StepParamScheduler)
#: What makes a schedule; all else in its state says how far it is.
SETTINGS = (
    *("begin", "end", "by_epoch", "T_max", "total_iters", "total_steps", "periods", "milestones"),
    *("gamma", "step_size", "power", "eta_min", "eta_max", "factor", "start_factor", "end_factor"),
)
#: Top-level config key: resume on another number of processes, with the checkpoint's rate.
OTHER_WORLD_SIZE = "allow_other_world_size"


class LengthChecks(Hook):
    """Refuses a training whose schedule has another length, or another start than its checkpoint.

    Milestones beyond the end, and a warmup that lasts to the end, are logged: a run that was cut
    short to try something has them.

    Raises:
        UserError: With both lengths; or with both values, where a resumed run would keep the
            checkpoint's.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self.notes: list[str] = []

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Note for how many processes the rate is."""
        checkpoint["meta"]["world_size"] = get_world_size()

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Compare a resumed run's schedule, not yet replaced, with the checkpoint's."""
        if runner._resume and isinstance(runner._train_loop, BaseLoop):
            allowed = bool(runner.cfg.get(OTHER_WORLD_SIZE))
            meta = checkpoint.get("meta") or {}
            before = meta.get("world_size", get_world_size())
            if not allowed:
                refuse_world_size(meta)
            elif before != get_world_size():
                words = f"iteration {meta.get('iter')}: {before} processes before"
                self.notes = [f"{words}, and {get_world_size()} from there on"]
            saved = checkpoint.get("param_schedulers")
            if saved is not None:
                refuse_changes(groups(runner.param_schedulers), groups(saved), allowed)

    def before_train(self, runner: Any) -> None:
        """Compare the schedules with the training's length."""
        for words in self.notes:
            note(runner, words)
        for schedulers in groups(runner.param_schedulers):
            for scheduler in schedulers:
                refuse_length(scheduler, schedulers, runner.train_loop)
                for words in cut_off(scheduler, runner.train_loop):
                    runner.logger.warning(words)


def groups(schedulers: Any) -> list[list[Any]]:
    """The schedulers of each optimizer, as mmengine keeps them or their states."""
    if isinstance(schedulers, Mapping):
        return list(schedulers.values())
    return [schedulers] if schedulers else []


def refuse_world_size(meta: Mapping[str, Any]) -> None:
    """Refuse to resume what another number of processes began."""
    before, now = meta.get("world_size", get_world_size()), get_world_size()
    if before != now:
        raise UserError(
            f"the checkpoint was trained by {before} processes, and this run has {now}: a step has "
            f"other images, and the rate stays as it was. Resume with {before}, start anew "
            f"without it, or set {OTHER_WORLD_SIZE}=True (--cfg-options +{OTHER_WORLD_SIZE}=True)"
        )


def refuse_changes(new: list[list[Any]], old: list[list[Any]], any_rate: bool) -> None:
    """Refuse another schedule than the one that a checkpoint holds.

    Args:
        new: Schedulers as the config asks for them.
        old: Their states in the checkpoint.
        any_rate: Whether the base rates may differ.
    """
    remedy = "resume with the settings of its run, or start anew without it"
    if [len(group) for group in new] != [len(group) for group in old]:
        raise UserError(f"the checkpoint has other schedulers than this config; {remedy}")
    for scheduler, state in zip(chain(*new), chain(*old), strict=True):
        name, fresh = type(scheduler).__name__, scheduler.state_dict()
        # by default milestones end with the training, which changes nothing behind the last one
        last = max(state.get("milestones") or (0,))
        passed = "end" if "milestones" in state and last < state.get("end", 0) else None
        for key in SETTINGS:
            if key in fresh and key in state and fresh[key] != state[key] and key != passed:
                unit = "" if fresh["by_epoch"] else " (iterations)"
                raise UserError(
                    f"the checkpoint's {name} has {key}={_plain(state[key])}{unit}, and this "
                    f"config asks for {_plain(fresh[key])}: a resumed run would keep the "
                    f"checkpoint's; {remedy}"
                )
        rates, saved = fresh["base_values"], state.get("base_values", fresh["base_values"])
        if not any_rate and (len(rates) != len(saved) or not all(map(math.isclose, rates, saved))):
            raise UserError(
                f"the checkpoint's {name} starts from {saved[0]:g}, and this config asks for "
                f"{rates[0]:g}: a resumed run would keep the checkpoint's; {remedy}"
            )


def _plain(value: Any) -> Any:
    """Milestones, which mmengine counts, as a list."""
    return sorted(value.elements()) if hasattr(value, "elements") else value


def _total(scheduler: Any, loop: Any) -> int:
    """The training's length in the scheduler's unit."""
    return int(loop.max_epochs if scheduler.by_epoch else loop.max_iters)


def _end(scheduler: Any) -> int:
    """Where a scheduler has done all that it does, in its unit."""
    ends = [scheduler.end]
    if hasattr(scheduler, "T_max"):
        ends.append(scheduler.begin + scheduler.T_max)
    if hasattr(scheduler, "periods"):
        ends.append(scheduler.begin + sum(scheduler.periods))
    return int(min(ends))


def _rises(scheduler: Any) -> bool:
    linear = isinstance(scheduler, kinds.LinearParamScheduler)
    return linear and scheduler.start_factor <= scheduler.end_factor


def refuse_length(scheduler: Any, others: list[Any], loop: Any) -> None:
    """Refuse a scheduler that does not end with the training of `loop`.

    Args:
        scheduler: As the run will use it.
        others: All of the same optimizer; one that ends later may follow it.
        loop: Of the training.
    """
    if scheduler.by_epoch and isinstance(loop, IterBasedTrainLoop):
        if not isinstance(scheduler, kinds.ReduceOnPlateauParamScheduler):
            raise UserError(
                f"{type(scheduler).__name__} counts epochs, and never moves in a training of "
                f"train_cfg.max_iters={loop.max_iters}; set by_epoch=False, begin and end"
            )
        return
    falls = isinstance(scheduler, kinds.LinearParamScheduler) and not _rises(scheduler)
    curve = falls or isinstance(scheduler, CURVES)
    if not curve and not isinstance(scheduler, STEADY):
        return
    end, total = _end(scheduler), _total(scheduler, loop)
    after = [one for one in others if one is not scheduler and not _rises(one)]
    followed = any(one.end / _total(one, loop) > end / total for one in after)
    warm = any(_rises(one) and one.end >= _total(one, loop) for one in others)
    if (scheduler.begin >= total and warm) or (end < total and followed) or end == total:
        return
    if end < total or curve:
        unit = "epoch" if scheduler.by_epoch else "iteration"
        key = "max_iters" if isinstance(loop, IterBasedTrainLoop) else "max_epochs"
        raise UserError(
            f"{type(scheduler).__name__} ends at {unit} {end}, and the training (train_cfg.{key}="
            f"{getattr(loop, key)}) at {unit} {total}; set end (and T_max) of param_scheduler to "
            f"the training's, or {key} to the schedule's"
        )


def cut_off(scheduler: Any, loop: Any) -> Iterator[str]:
    """What to say of a warmup or of milestones that the training ends before."""
    total, unit = _total(scheduler, loop), "epochs" if scheduler.by_epoch else "iterations"
    if _rises(scheduler) and scheduler.end > total:
        yield f"the warmup takes {scheduler.end} {unit}, and the training ends after {total}"
    beyond = [step for step in _plain(getattr(scheduler, "milestones", ())) if step > total]
    if beyond:
        yield f"the milestones {beyond} lie beyond the training, which ends after {total} {unit}"
