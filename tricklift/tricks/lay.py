"""Laying tricks over a config: `use`, which stands in leaves, and `load`, which adds more."""

import copy
import runpy
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from tricklift.compat import config_files
from tricklift.errors import UserError
from tricklift.tricks import lengths
from tricklift.tricks.names import GROUPS, ORDER, TASKS, check_names, members, tasks_in, trick_file
from tricklift.tricks.refusals import check_base, refuse_clashes, refuse_lost_lines

_waiting: list[str] = []


def load(path: str | Path, names: Sequence[str] = ()) -> Config:
    """Read a config with these tricks on top of its own.

    The first `use` line in the config, or in those below it, takes them, so that they build on one
    another as if they stood there; where there is none, they go over the whole config. A row that
    the config names gets their names added.

    Raises:
        UserError: Unknown trick, one that is on already or would change nothing, one for another
            task, a clash, or a length that its tricks do not see.
    """
    config_files.install()
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
        UserError: Unknown trick, a trick named twice or for another task, two that set a key
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
            raise UserError(
                f"trick {name!r} would change nothing here: the config below it does the same "
                "already; leave it out"
            )
        refuse_clashes(name, piece, set_by)
        update = merged(update, piece)
    refuse_lost_lines(leaf, update)
    return {**update, "tricks": every}


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


def task_of(base: Mapping[str, Any]) -> str | None:
    """The config's task, from its `benchmark` or else from the package that it imports."""
    named = base.get("benchmark", {}).get("task")
    imports = base.get("custom_imports", {}).get("imports", ())
    return named or next((name for name in imports if name in TASKS), None)


def read_trick(name: str, base: ConfigDict, task: str | None = None) -> dict[str, Any]:
    """Run a trick's file with ``base`` in sight and return the keys that it sets.

    Raises:
        UserError: The trick is for other tasks than `task`.
    """
    file = trick_file(name)
    allowed = tasks_in(file)
    if task is not None and task not in allowed:
        raise UserError(
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


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """A new dict: `above` laid over `below`, dicts merged key by key, all else replaced."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        result[key] = merged(under, value) if both else value  # type: ignore[arg-type]
    return result
