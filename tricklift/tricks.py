"""Tricks by name: each is one file in ``configs/_base_/tricks``; `use` lays them over a config.

A leaf config turns tricks on in one line, after its ``_base_``:

    globals().update(use(_base_, "resnet_d", "warmup", "cosine"))

A trick's file is a piece of config that sees the config so far as ``base``, so that it can build on
it (cosine reads how long the warmup is). Two tricks that set the same key differently are refused.
A trick that is not for every task says so with ``tasks = ("det",)``, which stays out of the config.
"""

import ast
import difflib
import runpy
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import ConfigDict

from tricklift.paths import config_root

# Tricks build on one another in this order, whatever order a config names them in.
ORDER = (
    "resnet_b",
    "resnet_c",
    "resnet_d",
    "xavier_init",
    "kaiming_init",
    "linear_scaling",
    "zero_gamma",
    "no_bias_decay",
    "mixed_precision",
    "mixup",
    "warmup",
    "cosine",
    "label_smoothing",
    "iou_loss",
    "giou_loss",
    "diou_loss",
    "ciou_loss",
    "focal_loss",
    "iou_aware",
)
# Tasks as a message names them.
TASKS = {"cls": "classification", "det": "detection", "seg": "segmentation"}
# The one key that a later trick extends instead of setting it: it reads base.param_scheduler.
EXTENDED = ("param_scheduler",)


def known() -> list[str]:
    """Names of all tricks, in the order in which they are laid over a config."""
    return list(ORDER)


def use(base: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What the named tricks add to the config `base`; neither is changed.

    Returns:
        Top-level config keys, among them ``tricks`` (the names), to be merged over `base`.

    Raises:
        ValueError: Unknown trick, a trick named twice, one of another task, or two that set a key
            differently.
    """
    check_names(names)
    update: dict[str, Any] = {}
    set_by: dict[str, tuple[str, Any]] = {}
    for name in sorted(names, key=ORDER.index):
        piece = read_trick(name, ConfigDict(merged(base, update)), task_of(base))
        refuse_clashes(name, piece, set_by)
        update = merged(update, piece)
    return {**update, "tricks": sorted(names, key=ORDER.index)}


def check_names(names: tuple[str, ...]) -> None:
    """Refuse unknown and repeated names.

    Raises:
        ValueError: With the known names and the closest one.
    """
    for name in names:
        if name not in ORDER:
            close = difflib.get_close_matches(name, ORDER, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"unknown trick {name!r}; known: {', '.join(ORDER)}{hint}")
        if names.count(name) > 1:
            raise ValueError(f"trick {name!r} is named {names.count(name)} times; name it once")


def task_of(base: Mapping[str, Any]) -> str | None:
    """The config's task, from its ``benchmark`` or else from the room that it imports."""
    named = base.get("benchmark", {}).get("task")
    imports = base.get("custom_imports", {}).get("imports", ())
    return named or next((room for room in imports if room in TASKS), None)


def read_trick(name: str, base: ConfigDict, task: str | None = None) -> dict[str, Any]:
    """Run a trick's file with ``base`` in sight and return the keys that it sets.

    Raises:
        ValueError: The trick is for other tasks than `task`.
    """
    file = config_root() / "_base_" / "tricks" / f"{name}.py"
    allowed = tasks_in(file)
    if task is not None and task not in allowed:
        raise ValueError(
            f"trick {name!r} is for {' and '.join(TASKS[a] for a in allowed)} configs, "
            f"but this one is for {TASKS.get(task, task)}; leave it out"
        )
    values = runpy.run_path(str(file), init_globals={"base": base})
    private = (types.ModuleType, types.FunctionType, type)
    return {
        key: value
        for key, value in values.items()
        if not key.startswith("_")
        and key not in ("base", "tasks")
        and not isinstance(value, private)
    }


def tasks_in(file: Path) -> tuple[str, ...]:
    """The tasks that a trick's file names, read before it runs on a config of another task."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "tasks":
            return tuple(ast.literal_eval(node.value))
    return tuple(TASKS)


def refuse_clashes(name: str, piece: dict[str, Any], set_by: dict[str, tuple[str, Any]]) -> None:
    """Note every key that a trick sets, and refuse one that another trick set differently.

    Raises:
        ValueError: Naming both tricks, the key and the values.
    """
    for key, value in leaves(piece):
        other, before = set_by.get(key, (name, value))
        if before != value and key not in EXTENDED:
            raise ValueError(
                f"tricks {other!r} and {name!r} cannot be combined: both set {key} "
                f"({before!r} and {value!r}); leave one out"
            )
        set_by[key] = (name, value)


def leaves(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The values in nested dicts with their dotted keys."""
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += leaves(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """A new dict: `above` laid over `below`, dicts merged key by key, all else replaced."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        result[key] = merged(under, value) if both else value  # type: ignore[arg-type]
    return result
