"""A run is resumed with the recipe that it was begun with, or says that it was not.

Why: mmengine resumes whatever config it is given. Another batch size, data set or loss then trains
on from the old weights without a word, and the result is of neither recipe. Schedules and the
number of processes have checks of their own (`lengths`); how a run is validated, and how long it
is, may change.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from tricklift.errors import UserError
from tricklift.records.identity import deciding

__all__ = ["NOTES", "OTHER_RECIPE", "RecipeChecks", "note"]

#: Top-level config key: resume with another recipe.
OTHER_RECIPE = "allow_other_recipe"
#: In a checkpoint's `meta`: what decides the numbers, as JSON.
RECIPE = "recipe"
#: In the message hub, and so in later checkpoints: what was changed in the run, in words.
NOTES = "resume_notes"
#: Not compared: compared elsewhere, or without effect on how the weights are trained.
FREE = (
    *("param_scheduler", "val_dataloader", "val_cfg", "val_evaluator"),
    *("custom_imports", "load_from"),
)
FREE_OF_LOOP = ("max_epochs", "max_iters", "val_interval", "val_begin", "dynamic_intervals")
#: Hooks that say how long a training is.
FREE_HOOKS = ("EarlyStoppingHook", "ResumableEarlyStopping")
SHOWN = 4


class RecipeChecks(Hook):
    """Refuses to resume with another recipe than the checkpoint's.

    Raises:
        UserError: Names the keys that differ, with both values, unless the config says
            `allow_other_recipe=True`: then the log and `result.json` say so.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self.recipe: dict[str, Any] = {}
        self.notes: list[str] = []

    def before_run(self, runner: Any) -> None:
        """Reads the recipe of the config: once, since files of weights count by their content."""
        if isinstance(runner._train_loop, BaseLoop):
            self.recipe = recipe_of(runner.cfg)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Writes it."""
        if self.recipe:
            checkpoint["meta"][RECIPE] = _json(self.recipe)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Compares, in a resumed run."""
        held = (checkpoint.get("meta") or {}).get(RECIPE)
        if not (runner._resume and held and self.recipe):
            return
        changes = list(differences(json.loads(held), json.loads(_json(self.recipe))))
        if not changes:
            return
        shown = ", ".join(changes[:SHOWN]) + (", ..." if len(changes) > SHOWN else "")
        if not runner.cfg.get(OTHER_RECIPE):
            raise UserError(
                f"the checkpoint was trained with another recipe: {shown}. Resume with that, "
                f"start anew without it, or set {OTHER_RECIPE}=True (--cfg-options +"
                f"{OTHER_RECIPE}=True): the result then says so"
            )
        runner.logger.warning(f"resumed with another recipe: {shown}")
        self.notes = [f"iteration {checkpoint['meta']['iter']}: {change}" for change in changes]

    def before_train(self, runner: Any) -> None:
        """Keeps the changes for the checkpoints to come."""
        for words in self.notes:
            note(runner, words)
        self.notes = []


def note(runner: Any, words: str) -> None:
    """Notes a change in a run, for `result.json` and its checkpoints; once."""
    before = runner.message_hub.runtime_info.get(NOTES) or []
    if words not in before:
        runner.message_hub.update_info(NOTES, [*before, words])


def recipe_of(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """What decides how the weights of a run are trained, beside seed and schedule."""
    plain = {key: value for key, value in deciding(cfg).items() if key not in FREE}
    if isinstance(loop := plain.get("train_cfg"), dict):
        plain["train_cfg"] = {k: value for k, value in loop.items() if k not in FREE_OF_LOOP}
    hooks = plain.get("hooks") or []
    plain["hooks"] = [hook for hook in hooks if _type(hook) not in FREE_HOOKS]
    return plain


def _type(hook: Any) -> str:
    """Its name, without the scope of its registry."""
    kind = hook.get("type") if isinstance(hook, dict) else type(hook)
    return str(getattr(kind, "__name__", kind)).rpartition(".")[2]


def differences(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """Each dotted key whose value differs, with both values.

    Args:
        before, now: Plain data.
        key: Of both.
    """
    kinds = (before, now)
    if all(isinstance(one, dict) for one in kinds):
        for name in sorted({*before, *now}):
            dotted = f"{key}.{name}" if key else name
            yield from differences(before.get(name), now.get(name), dotted)
    elif all(isinstance(one, list) for one in kinds) and len(before) == len(now):
        for place, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, other, f"{key}.{place}")
    elif before != now:
        yield f"{key} was {_short(before)} and is {_short(now)}"


def _json(recipe: dict[str, Any]) -> str:
    """Classes and objects, which some configs hold, count by the name of their class."""

    def name(value: Any) -> str:
        return str(getattr(value, "__qualname__", type(value).__qualname__))

    return json.dumps(recipe, sort_keys=True, default=name)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
