"""A tier file (YAML) read into a `Tier`: every key checked, and every config looked for."""

import os
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tricklift import configs
from tricklift.data.prepare import NAMES
from tricklift.errors import MissingFileError, UserError, did_you_mean
from tricklift.paths import config_root
from tricklift.records.plain_files import read_yaml
from tricklift.suite.tiers import (
    DOWNSTREAM,
    NO_PRETRAINING,
    Claim,
    Head,
    Network,
    Row,
    Tier,
    Weights,
)

SUFFIXES = (".yaml", ".yml")
TASKS = ("cls", *DOWNSTREAM)
#: What is left of a name in file names and on the command line.
PLAIN = re.compile(r"[A-Za-z0-9][\w.+-]*")
METRICS = ("top1", "mAP", "pixAcc", "mIoU")


#: Of a tier file; heads stand below `downstream` there.
KEYS = tuple(
    {"heads": "downstream"}.get(key, key) for key in Tier.__dataclass_fields__ if key != "provided"
)


def names() -> list[str]:
    """Names of the provided tiers."""
    return sorted(file.stem for file in (config_root() / "tiers").glob("*.yaml"))


def read(reference: str | Path) -> Tier:
    """The tier of a name, or of a file's path.

    Raises:
        UserError: There is no such tier, its file is no YAML, or a key or value in it is wrong.
        MissingFileError: There is no such file.
    """
    text, known = str(reference), names()
    if text in known:
        return _tier(config_root() / "tiers" / f"{text}.yaml", provided=True)
    file = Path(reference)
    if file.is_file():
        return _tier(file, provided=False)
    if file.suffix in SUFFIXES:
        raise MissingFileError(f"no tier file {text!r}; correct the path")
    raise UserError(
        f"unknown tier {text!r}; known: {', '.join(known)}, own (data of your own), or the path of "
        f"a tier file (.yaml){did_you_mean(text, [*known, 'own'])}"
    )


class _Section:
    """A mapping of a tier file, whose keys are taken one by one and checked.

    Raises:
        UserError: (all methods) says the file and the place in it.
    """

    def __init__(self, value: Any, place: str, known: Iterable[str], file: Path) -> None:
        self.place, self.file, self.known = place, file, tuple(known)
        if not isinstance(value, Mapping):
            raise self.wrong(f"takes keys ({', '.join(self.known)}), got {value!r}")
        self._held = dict(value)
        for key in self._held:
            if key not in self.known:
                raise self.wrong(
                    f"unknown key {key!r}; known: {', '.join(self.known)}"
                    f"{did_you_mean(str(key), self.known)}"
                )

    def wrong(self, said: str) -> UserError:
        """The error that says so."""
        return UserError(f"{self.file}: {self.place}{': ' if self.place else ''}{said}")

    def below(self, key: str, place: str = "") -> str:
        """How errors call a place below this section."""
        return f"{self.place}.{key}{place}" if self.place else f"{key}{place}"

    def text(self, key: str, default: str | None = None, allowed: Iterable[str] = ()) -> str:
        """A string; without a default there must be one."""
        value = self._held.get(key, default)
        if value is None:
            raise self.wrong(f"{key!r} is missing")
        if not isinstance(value, str) or (not value.strip() and default is None):
            raise self.wrong(f"{key!r} takes text, got {value!r}")
        if allowed and value not in allowed:
            hint = did_you_mean(value, allowed)
            raise self.wrong(f"{key!r} takes {', '.join(allowed)}, got {value!r}{hint}")
        return value

    def name(self, key: str, default: str | None = None) -> str:
        """A string that may be part of a file's name."""
        value = self.text(key, default)
        if not PLAIN.fullmatch(value):
            raise self.wrong(f"{key!r} takes letters, digits and _ . + -, got {value!r}")
        return value

    def flag(self, key: str) -> bool:
        """True or false; default: false."""
        value = self._held.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(f"{key!r} takes true or false, got {value!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; one alone needs no list."""
        value = self._held.get(key) or ()
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self.wrong(f"{key!r} takes a list of text, got {value!r}")
        return tuple(value)

    def options(self, key: str = "options") -> tuple[str, ...]:
        """A list of KEY=VALUE, as `--cfg-options` takes them."""
        for pair in (found := self.texts(key)):
            if not re.match(r"\+?[\w.-]+=", pair):
                raise self.wrong(f"{key!r} takes KEY=VALUE as --cfg-options does, got {pair!r}")
        return found

    def sets(self, key: str = "data") -> tuple[str, ...]:
        """A list of data sets: names of `tricklift prepare`, or paths of folders."""
        for name in (found := self.texts(key)):
            if "/" not in name and name not in NAMES:
                raise self.wrong(
                    f"unknown data set {name!r}; known: {', '.join(NAMES)}"
                    f"{did_you_mean(name, NAMES)}, or the path of a folder, with a slash in it"
                )
        return found

    def seeds(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """A list of whole numbers; `tricklift.suite.plan` looks at them further."""
        value = self._held.get(key, default)
        value = [value] if isinstance(value, int) else value
        if not isinstance(value, list | tuple) or not all(type(item) is int for item in value):
            raise self.wrong(f"{key!r} takes a list of whole numbers, got {value!r}")
        return tuple(value)

    def by_task(self, key: str) -> dict[str, tuple[str, ...]]:
        """Task -> list of strings; a list alone is for all tasks."""
        value = self._held.get(key) or {}
        if not isinstance(value, Mapping):
            return dict.fromkeys(TASKS, self._read(key, key))
        section = self.section(key, TASKS)
        read = partial(section._read, key)
        return {task: read(task) for task in TASKS if task in value}

    def _read(self, what: str, key: str) -> tuple[str, ...]:
        return self.options(key) if what == "options" else self.sets(key)

    def section(self, key: str, known: Iterable[str]) -> "_Section":
        """A mapping below this one."""
        return _Section(self._held.get(key) or {}, self.below(key), known, self.file)

    def sections(self, key: str, known: Iterable[str]) -> list["_Section"]:
        """A list of mappings."""
        value = self._held.get(key) or []
        if not isinstance(value, list):
            raise self.wrong(f"{key!r} takes a list, got {value!r}")
        places = (self.below(key, f"[{number}]") for number in range(len(value)))
        return [
            _Section(item, place, known, self.file)
            for item, place in zip(value, places, strict=True)
        ]

    def config(self, key: str = "config", default: str | None = None) -> str:
        """A config: a path from the tier file's folder, or a short name."""
        reference = self.text(key, default)
        near = self.file.parent / reference
        if os.path.isfile(near):  # False for a name that is too long
            return str(near.resolve())
        try:
            configs.find_config(reference)
        except UserError as error:
            raise self.wrong(f"{key!r}: {error}") from None
        return reference

    def __contains__(self, key: str) -> bool:
        return key in self._held

    def given(self) -> list[str]:
        """Its keys, in the file's order."""
        return list(self._held)


def _tier(file: Path, provided: bool) -> Tier:
    """The tier that a file holds."""
    top = _Section(read_yaml(file), "", KEYS, file)
    heads = _heads(top)
    tier = Tier(
        name=top.name("name"),
        about=top.text("about", ""),
        rows=tuple(_row(entry, heads) for entry in top.sections("rows", _ROW)),
        heads=tuple(heads.values()),
        data=top.by_task("data"),
        teachers=_teachers(top),
        random_init=top.texts("random_init"),
        weights=tuple(
            Weights(
                entry.name("name"),
                entry.text("backbone"),
                _checkpoint(entry),
                entry.by_task("options"),
            )
            for entry in top.sections("weights", Weights.__dataclass_fields__)
        ),
        networks=tuple(
            Network(
                entry.text("name"),
                entry.text("suffix", ""),
                entry.config() if "config" in entry else None,
                entry.by_task("options"),
            )
            for entry in top.sections("networks", Network.__dataclass_fields__)
        ),
        seeds=top.seeds("seeds", (0,)),
        downstream_seeds=top.seeds("downstream_seeds", ()),
        options=top.by_task("options"),
        paired=top.flag("paired"),
        claims=tuple(_claim(entry) for entry in top.sections("claims", _CLAIM)),
        provided=provided,
    )
    _check(tier, top)
    return tier


_ROW = tuple(Row.__dataclass_fields__)
_CLAIM = tuple(Claim.__dataclass_fields__)


def _checkpoint(entry: _Section) -> tuple[str, ...]:
    found = entry.texts("checkpoint")
    if not found:
        raise entry.wrong("'checkpoint' is missing")
    return found


def _heads(top: _Section) -> dict[str, Head]:
    heads: dict[str, Head] = {}
    for entry in top.sections("downstream", Head.__dataclass_fields__):
        task = entry.text("task", allowed=DOWNSTREAM)
        head = Head(
            entry.name("name", task),
            task,
            entry.config(),
            entry.texts("tricks"),
            entry.options(),
            entry.sets(),
        )
        if head.name in heads:
            raise entry.wrong(f"two heads are called {head.name!r}; give each a 'name'")
        heads[head.name] = head
    return heads


def _row(entry: _Section, heads: Mapping[str, Head]) -> Row:
    """A row: its name is by default that of its config, and all heads start from it.

    A name that is given is the table's too, unless there is a title.
    """
    config = entry.config()
    name = entry.name("name", Path(config).stem)
    own = {head: heads[head].config for head in heads}
    if "downstream" in entry:
        below = entry.section("downstream", heads)
        own = {head: below.config(head) for head in below.given()}
    return Row(
        name,
        config,
        entry.text("backbone"),
        entry.name("recipe", name),
        entry.text("title", name) if {"name", "title"} & set(entry.given()) else None,
        entry.text("teacher") if "teacher" in entry else None,
        own,
        entry.texts("tricks"),
        entry.options(),
        entry.sets(),
    )


def _teachers(top: _Section) -> dict[str, Row]:
    rows = [_row(entry, {}) for entry in top.sections("teachers", _ROW)]
    return {row.name: row for row in rows}


def _claim(entry: _Section) -> Claim:
    return Claim(
        entry.text("row"),
        entry.text("against"),
        entry.text("metric", allowed=METRICS),
        entry.text("sign", allowed=("+", "-", "0")),
    )


def _check(tier: Tier, top: _Section) -> None:
    """Refuses what no key alone says: rows of one name, unknown teachers, nothing to do."""
    if not (tier.rows or tier.weights or tier.random_init):
        raise top.wrong("nothing to run; give 'rows', 'weights' or 'random_init'")
    if not tier.heads and not tier.rows:
        raise top.wrong("nothing to run; give 'downstream'")
    trained = (*tier.rows, *tier.teachers.values())
    given = [row.name for row in trained] + [row.name for row in tier.weights]
    for name in given:
        if given.count(name) > 1 or name == NO_PRETRAINING:
            raise top.wrong(f"more than one row is called {name!r}; give each a 'name' of its own")
    pretrained = {row.name for row in trained}
    for row in trained:
        if row.teacher is not None and row.teacher not in pretrained:
            raise top.wrong(
                f"row {row.name!r}: no teacher {row.teacher!r}; rows and teachers are "
                f"{', '.join(sorted(pretrained))}{did_you_mean(row.teacher, pretrained)}"
            )
    for row in trained:
        lessons = [row]
        while (teacher := tier.teacher_of(lessons[-1])) is not None:
            if teacher in lessons:
                raise top.wrong(f"row {row.name!r} is taught by itself: {teacher.name!r}")
            lessons.append(teacher)
