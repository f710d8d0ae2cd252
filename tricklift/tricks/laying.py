"""Laying tricks over a config: `use`, which stands in leaves, and `load`, which adds more.

`use` only notes the names. They are laid when mmengine has read the whole file, between its lines
and its `_base_`: so it does not matter where in the file the line stands, nor whether `tricklift`,
`mim` or a script reads it.
"""

import copy
import functools
import runpy
import traceback
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from tricklift.compat import config_files, plain_configs
from tricklift.errors import UserError
from tricklift.tricks import lengths
from tricklift.tricks.names import (
    GROUPS,
    TASKS,
    check_names,
    is_file,
    members,
    place,
    tasks_in,
    trick_file,
    trick_name,
)
from tricklift.tricks.refusals import check_base, leaves, refuse_clashes, settled

#: The key of a config that holds what `use` gives, and then the names.
KEY = "tricks"

_waiting: list[str] = []
#: Marks mmengine's merge once tricks are laid there.
_LAYS = "_lays_tricks"


@dataclass(frozen=True)
class Use:
    """Tricks that a config asks for, until its file is read."""

    names: tuple[str, ...]


def use(*names: str) -> Any:
    """Lay tricks over a config: `tricks = use("resnet_d", "cosine")`, anywhere in its file.

    Args:
        *names: Of our tricks or groups, or paths of files with tricks of your own, such as
            ``"{{ fileDirname }}/my_trick.py"``.

    Raises:
        UserError: Something else than names.
    """
    if not all(isinstance(name, str) for name in names):
        raise UserError(
            'use() takes names alone, as tricks = use("resnet_d", "cosine"); no _base_, and no '
            "globals().update(...)"
        )
    return Use(names)


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
        plain = Path(path).suffix.lower() in plain_configs.SUFFIXES
        cfg = plain_configs.read(Path(path), use) if plain else Config.fromfile(str(path))
        if waiting:
            cfg.merge_from_dict(lay(cfg.to_dict(), ()))
    lengths.refuse_others(cfg)
    if names:
        added = sorted(names, key=lambda name: place(members([name])[0]))
        cfg.row = " + ".join([str(cfg.get("row", "baseline")), *map(trick_name, added)])
    return cfg


@contextmanager
def _wait_for_use(names: Sequence[str]) -> Iterator[list[str]]:
    """Names that the next `use` takes; the list is empty once they are taken."""
    _waiting[:] = names
    try:
        yield _waiting
    finally:
        _waiting.clear()


def lay(
    base: Mapping[str, Any], names: Sequence[str], lines: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What the named tricks add to the config `base`; neither is changed.

    Args:
        base: What stands below the config.
        names: Of tricks, groups or files.
        lines: What the config itself sets. Tricks see it as part of `base`; of what they bring
            themselves, it chooses the values.

    Returns:
        Top-level config keys, among them `tricks` (the names), to be merged over `base` and lines.

    Raises:
        UserError: Unknown trick, a trick named twice or for another task, two that set a key
            differently, a base that has tricks already, a line that a trick would replace, or a
            trick of the command line that changes nothing.
    """
    added = tuple(_waiting)
    _waiting.clear()
    check_names(names, added)
    alone = [name for name in added if name not in GROUPS]
    every = sorted((*members(names), *members(added)), key=place)
    check_base(base)
    own = dict(leaves(lines or {}))
    below = with_lines(base, lines or {})
    update: dict[str, Any] = {}
    set_by: dict[str, tuple[str, Any]] = {}
    for name in every:
        so_far = merged(below, update)
        piece = read_trick(name, ConfigDict(so_far), task_of(below))
        called = trick_name(name)
        idle = piece.pop("already", False) or merged(so_far, piece) == so_far
        if idle and name in alone:
            raise UserError(
                f"trick {called!r} would change nothing here: the config below it does the same "
                "already; leave it out"
            )
        piece = settled(called, piece, own, base)
        refuse_clashes(called, piece, set_by)
        update = merged(update, piece)
    return {**update, KEY: [trick_name(name) for name in every]}


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
        UserError: The trick is for other tasks than `task`, or a file of one's own has an error.
    """
    file = trick_file(name)
    allowed = tasks_in(file)
    if task is not None and task not in allowed:
        raise UserError(
            f"trick {trick_name(name)!r} is for {' and '.join(TASKS[a] for a in allowed)} configs, "
            f"but this one is for {TASKS.get(task, task)}; leave it out"
        )
    with _located(file if is_file(name) else None):
        values = runpy.run_path(str(file), init_globals={"base": base})
    private = (types.ModuleType, types.FunctionType, type)
    return {
        key: value
        for key, value in values.items()
        if not key.startswith("_")
        and key not in ("base", "tasks", "after")
        and not isinstance(value, private)
    }


@contextmanager
def _located(file: Path | None) -> Iterator[None]:
    """Says which line of a trick of one's own (None: of ours) failed.

    Raises:
        UserError: In the place of any other error.
    """
    try:
        yield
    except Exception as error:
        if file is None or isinstance(error, UserError):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(file)]
        where = f"{file}, line {lines[-1]}" if lines else str(file)
        raise UserError(
            f"{where}: {type(error).__name__}: {error}; correct it (a trick sees the config below "
            "it as `base`, and base.get('key') is None where it has no such key)"
        ) from error


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """A new dict: `above` laid over `below`, dicts merged key by key, all else replaced."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        result[key] = merged(under, value) if both else value  # type: ignore[arg-type]
    return result


def _laying(upstream: Callable[..., Any]) -> Callable[..., Any]:
    """mmengine's merge of a file's lines into its `_base_`, with the file's tricks between them."""

    @functools.wraps(upstream)
    def merge(a: Any, b: Any, *more: Any, **options: Any) -> Any:
        asked = [key for key, value in a.items() if isinstance(value, Use)]
        if not asked:
            return upstream(a, b, *more, **options)
        if asked != [KEY]:
            raise UserError(
                f"this config gives use(...) to {', '.join(asked)}; write {KEY} = use(...)"
            )
        lines = {key: value for key, value in a.items() if key != KEY}
        plain = {key: value for key, value in lines.items() if not key.startswith("_")}
        update = lay(ConfigDict(b).to_dict(), a[KEY].names, plain)
        below = upstream(copy.deepcopy(lines), b, *more, **options)
        return upstream(update, below, *more, **options)

    vars(merge)[_LAYS] = True
    return merge


def _install() -> None:
    """Let every reader of configs lay the tricks that a file asks for. Idempotent.

    A file's import of `use` is what installs this, before mmengine merges that very file. Others
    wrap the same function (`tricklift.compat.config_files`); the mark is kept by `functools.wraps`.
    """
    if not hasattr(Config._merge_a_into_b, _LAYS):
        Config._merge_a_into_b = staticmethod(_laying(Config._merge_a_into_b))


_install()
