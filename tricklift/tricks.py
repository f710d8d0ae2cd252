"""Tricks by name: each is one file in `configs/_base_/tricks`; `use` lays them over a config.

A leaf config turns tricks on in one line, after its `_base_`:

    globals().update(use(_base_, "resnet_d", "warmup", "cosine"))

`--tricks ema,mixup` on the command line does the same as two more names in that line (or, where the
config has no such line, as one at its end). In both places, a name of `GROUPS` stands for all of
its members; the resolved config holds the members.

A trick's file is a piece of config that sees the config so far as `base`, so that it can build on
it (cosine reads how long the warmup is). Two tricks that set the same key differently are refused.
Two names in a trick's file stay out of the config: `tasks = ("det",)` says that it is not for every
task, and `already` whether `base` does what it is for in another way than by its keys.
"""

import ast
import copy
import re
import runpy
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from tricklift import lengths
from tricklift.errors import did_you_mean
from tricklift.paths import config_root

# Tricks build on one another in this order, whatever order a config names them in.
ORDER = (
    "resnet_b",
    "resnet_c",
    "resnet_d",
    "se",
    "deformable",
    "xavier_init",
    "kaiming_init",
    "linear_scaling",
    "zero_gamma",
    "no_bias_decay",
    "mixed_precision",
    "gradient_clipping",
    "mixup",
    "warmup",
    "cosine",
    "label_smoothing",
    "distillation",
    "iou_loss",
    "giou_loss",
    "diou_loss",
    "ciou_loss",
    "focal_loss",
    "iou_aware",
    "ema",
    "early_stopping",
)
# Tricks that go together under one name.
GROUPS = {
    # Table 4, from top to bottom: what "Efficient" is in Tables 3 and 5 to 9.
    "efficient": (
        "linear_scaling",
        "warmup",
        "zero_gamma",
        "no_bias_decay",
        "mixed_precision",
    ),
}
# Tricks that choose the network: another one by name would undo them.
CHOOSES = ("resnet_b", "resnet_c", "resnet_d")
# Tasks as a message names them.
TASKS = {"cls": "classification", "det": "detection", "seg": "segmentation"}
# Lists that a later trick extends instead of setting them: it reads what stands in `base`.
EXTENDED = ("param_scheduler", "custom_hooks")

_waiting: list[str] = []


def known() -> list[str]:
    """Names of all tricks, in the order in which they are laid over a config."""
    return list(ORDER)


def described() -> list[tuple[str, tuple[str, ...], str]]:
    """Name, tasks and first sentence of each trick's file, in the order of `ORDER`; then groups."""
    found = []
    for name in ORDER:
        text = ast.get_docstring(ast.parse(trick_file(name).read_text())) or ""
        sentence = re.split(r"\.(?:\s|$)", text, maxsplit=1)[0]
        found.append((name, tasks_in(trick_file(name)), " ".join(sentence.split())))
    for group, names in GROUPS.items():
        found.append((group, tasks_of(group), f"All of {', '.join(names)}"))
    return found


def tasks_of(name: str) -> tuple[str, ...]:
    """The tasks that a trick, or a group as a whole, is for."""
    allowed = [tasks_in(trick_file(trick)) for trick in members([name])]
    return tuple(task for task in TASKS if all(task in some for some in allowed))


def members(names: Sequence[str]) -> list[str]:
    """The tricks that names of tricks and of groups stand for; unknown names stay."""
    return [trick for name in names for trick in GROUPS.get(name, (name,))]


def trick_file(name: str) -> Path:
    """Where a trick's piece of config is."""
    return config_root() / "_base_" / "tricks" / f"{name}.py"


def split_names(text: str | None) -> list[str]:
    """Names in `a,b,c`, as the command line takes them; none for None or an empty text."""
    return [name.strip() for name in text.split(",")] if text else []


def load(path: str | Path, names: Sequence[str] = ()) -> Config:
    """Read a config with these tricks on top of its own.

    The first `use` line in the config, or in those below it, takes them, so that they build on one
    another as if they stood there; where there is none, they go over the whole config. A row that
    the config names gets their names added.

    Raises:
        ValueError: Unknown trick, one that is on already or would change nothing, one for another
            task, a clash, or a length that its tricks do not see.
    """
    with _wait_for_use(names) as waiting:
        cfg = Config.fromfile(str(path))
        if waiting:
            cfg.merge_from_dict(use(cfg.to_dict()))
    lengths.refuse_others(cfg)
    if names:
        added = sorted(names, key=lambda name: ORDER.index(members([name])[0]))
        cfg.row = " + ".join([str(cfg.get("row", "baseline")), *added])
    return cfg


@contextmanager
def _wait_for_use(names: Sequence[str]) -> Iterator[list[str]]:
    """Names that the next `use` takes; the list is empty once they are taken."""
    _waiting[:] = names
    try:
        yield _waiting
    finally:
        _waiting.clear()


def use(base: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What the named tricks add to the config `base`; neither is changed.

    What a leaf sets above the line that calls this counts as part of `base`.

    Returns:
        Top-level config keys, among them `tricks` (the names), to be merged over `base`.

    Raises:
        ValueError: Unknown trick, a trick named twice or for another task, two that set a key
            differently, a base that has tricks already, a line of a leaf that would be lost, or a
            trick of the command line that changes nothing.
    """
    added = tuple(_waiting)
    _waiting.clear()
    check_names(names, added)
    alone = [name for name in added if name not in GROUPS]
    names, added = tuple(members(names)), tuple(members(added))
    check_base(base)
    leaf = lines_above(sys._getframe(1).f_globals)
    below = with_lines(base, leaf)
    update: dict[str, Any] = {}
    set_by: dict[str, tuple[str, Any]] = {}
    every = sorted((*names, *added), key=ORDER.index)
    for name in every:
        so_far = merged(below, update)
        piece = read_trick(name, ConfigDict(so_far), task_of(below))
        idle = piece.pop("already", False) or merged(so_far, piece) == so_far
        if idle and name in alone:
            raise ValueError(
                f"trick {name!r} would change nothing here: the config below it does the same "
                "already; leave it out"
            )
        refuse_clashes(name, piece, set_by)
        update = merged(update, piece)
    refuse_lost_lines(leaf, update)
    return {**update, "tricks": every}


def check_names(names: Sequence[str], added: Sequence[str] = ()) -> None:
    """Refuse unknown and repeated names; `added` are those of the command line.

    Raises:
        ValueError: With the known names and the closest one.
    """
    choices = (*ORDER, *GROUPS)
    for name in (*names, *added):
        if name not in choices:
            hint = did_you_mean(name, choices)
            raise ValueError(f"unknown trick {name!r}; known: {', '.join(choices)}{hint}")
    own, more = members(names), members(added)
    for name in (*own, *more):
        group = next((g for g in (*names, *added) if name in GROUPS.get(g, ())), None)
        part = f" (group {group!r} has it)" if group else ""
        if name in own and name in more:
            raise ValueError(
                f"trick {name!r}{part} is on already: the config has {', '.join(own)}; leave it out"
            )
        if (count := (*own, *more).count(name)) > 1:
            raise ValueError(f"trick {name!r}{part} is named {count} times; name it once")


def check_base(base: Mapping[str, Any]) -> None:
    """Refuse a base with tricks of its own.

    A trick reads what stands below it (mixup lengthens what cosine then fills), so tricks of two
    layers would not build on one another in the right order.

    Raises:
        ValueError: Naming the tricks that are on.
    """
    if before := list(base.get("tricks") or ()):
        raise ValueError(
            f"the config below has tricks already ({', '.join(before)}); lay all tricks over the "
            "baseline in one line: use(_base_, ...)"
        )


def lines_above(frame: Mapping[str, Any]) -> dict[str, Any]:
    """What a leaf sets above its `use` line.

    Args:
        frame: Global names of the file that calls `use`; nothing is taken if it is no config.
    """
    if "_base_" not in frame:
        return {}
    plain = (Mapping, list, tuple, str, int, float)
    return {
        key: value
        for key, value in frame.items()
        if not key.startswith("_") and (value is None or isinstance(value, plain))
    }


def with_lines(base: Mapping[str, Any], lines: Mapping[str, Any]) -> dict[str, Any]:
    """A leaf's lines over its base, as mmengine will lay them."""
    if not lines:
        return dict(base)
    whole = Config(copy.deepcopy(dict(base)))
    whole.merge_from_dict(copy.deepcopy(dict(lines)))
    return whole.to_dict()


def refuse_lost_lines(lines: Mapping[str, Any], update: Mapping[str, Any]) -> None:
    """Refuse a leaf that sets a key above its `use` line which that line then replaces.

    Args:
        lines: What `lines_above` gives.
        update: What `use` is about to return.

    Raises:
        ValueError: Naming the keys.
    """
    if lost := sorted(set(update) & set(lines)):
        raise ValueError(
            f"this config sets {', '.join(lost)} above its use(...) line, which replaces it; set "
            f"single values below that line, such as {lost[0]}['key'] = value"
        )


def variant(name: str, letter: str) -> str:
    """The name of a ResNet's variant (b, c, d) in the place of another, e.g. of `resnet50_a`.

    Raises:
        ValueError: The network has no such variants.
    """
    stem = re.fullmatch(r"(.+)_[a-d]", name)
    if stem is None:
        raise ValueError(
            f"trick 'resnet_{letter}' is for networks whose names end in _a, _b, _c or _d; the "
            f"config's backbone is {name!r}"
        )
    return f"{stem[1]}_{letter}"


def refuse_other_network(cfg: Config, name: str, where: object) -> None:
    """Refuse a backbone in the place of the one that the config's tricks have chosen.

    Args:
        cfg: With its tricks, as `load` gives it.
        name: Of the backbone that is to take the place of the config's own.
        where: Which config, for the message.

    Raises:
        ValueError: It is another network than the one of a trick in `CHOOSES`; names the trick.
    """
    choosing = [trick for trick in cfg.get("tricks") or () if trick in CHOOSES]
    if choosing and (own := cfg.model.backbone.name) != name:
        raise ValueError(
            f"{where} chooses its network by the trick {', '.join(choosing)}, which another "
            f"backbone would undo ({name} for {own}); take a config and tricks without it, or its "
            "own network"
        )


def task_of(base: Mapping[str, Any]) -> str | None:
    """The config's task, from its `benchmark` or else from the room that it imports."""
    named = base.get("benchmark", {}).get("task")
    imports = base.get("custom_imports", {}).get("imports", ())
    return named or next((room for room in imports if room in TASKS), None)


def read_trick(name: str, base: ConfigDict, task: str | None = None) -> dict[str, Any]:
    """Run a trick's file with ``base`` in sight and return the keys that it sets.

    Raises:
        ValueError: The trick is for other tasks than `task`.
    """
    file = trick_file(name)
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
