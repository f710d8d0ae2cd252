"""The page `docs/fidelity.md`: row by row, what the paper says and what the config does.

The paper's statement comes from `recipes.json`, ours from the resolved config by `readings.py`; the
two know nothing of each other, and are equal or not as they stand.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.markdown import grid
from tricklift.paper import numbers
from tricklift.paper.fidelity.classification import POINTS
from tricklift.paper.fidelity.downstream import DETECTION, SEGMENTATION
from tricklift.paper.table_cells import CELLS, TEACHERS, Cell, resolved

SAME, DIFFERS, OPEN = "=", "≠", "·"
READINGS = {"cls": POINTS, "det": DETECTION, "seg": SEGMENTATION}
COMMAND = "tricklift paper fidelity --out docs/fidelity.md"
INTRO = f"""# Fidelity: the paper says, the config does

Written by `{COMMAND}`. The left value is what arXiv:1812.01187 states
(`tricklift/paper/fidelity/recipes.json`), or whom the brackets name: `code` is the authors' public
code, `mmdet` and `PSPNet` stand behind the extensions. The right value is read from the resolved
config. `{SAME}` equal; `{DIFFERS}` different, with the number of the reason; `{OPEN}` nothing
stated. Batch and rate are those of 8 GPUs. Nothing here was run: `tests/tricklift/paper/fidelity`
builds optimizers, schedulers, models and transforms of every row and compares them with the
recipes once more, stated independently."""
HEADER = ["point", "paper says", "config does", ""]


@dataclass(frozen=True)
class Point:
    """One point of one row.

    Attributes:
        name: Such as `warmup`.
        says: The statement, None where there is none.
        by: Who states it where that is not the paper: code, mmdet, PSPNet.
        does: What the resolved config does.
        task: cls, det or seg.
    """

    name: str
    says: Any
    by: str
    does: Any
    task: str

    @property
    def mark(self) -> str:
        """Equal, different, or nothing stated."""
        if self.says is None:
            return OPEN
        return SAME if self.says == self.does else DIFFERS

    @property
    def statement(self) -> str:
        """The statement with who makes it."""
        if self.says is None:
            return "not stated"
        return f"{self.says}{f' ({self.by})' if self.by != 'paper' else ''}"

    @property
    def reason(self) -> str | None:
        """Why it differs."""
        reasons = _data()["reasons"]
        return reasons.get(f"{self.name}/{self.task}", reasons.get(self.name))


@lru_cache
def _data() -> dict[str, Any]:
    text = Path(__file__).with_name("recipes.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def statements(config: str) -> dict[str, tuple[Any, str]]:
    """Point -> (statement, by whom) of a row's recipe.

    Raises:
        UserError: No recipe is stated for this config.
    """
    data = _data()
    found: dict[str, tuple[Any, str]] = {}
    for name in data["rows"][config]:
        for recipe in data["groups"].get(name, [name]):
            for point, value in data["recipes"][recipe].items():
                found[point] = (value[0], value[1]) if isinstance(value, list) else (value, "paper")
    return found


@lru_cache
def points(config: str) -> tuple[Point, ...]:
    """All points of a row, statement and reading beside each other.

    Raises:
        UserError: A point is stated but not read, or read but not stated.
    """
    cfg = resolved(config)
    task = config.partition("/")[0]
    readings, stated = READINGS[task], statements(config)
    odd = set(readings) ^ set(stated)
    if odd:
        raise UserError(
            f"{config}: {', '.join(sorted(odd))} stated or read, but not both; add what is missing"
        )
    return tuple(Point(name, *stated[name], readings[name](cfg), task) for name in readings)


def page() -> str:
    """The whole page as markdown."""
    notes: dict[str, int] = {}
    parts = [INTRO]
    for number in dict.fromkeys(cell.table for cell in CELLS):
        parts.append(f"## Table {number}: {numbers.table(number)['title']}")
        held = [cell for cell in CELLS if cell.table == number]
        split = number in numbers.TRANSFER_TABLES
        for setting in dict.fromkeys(cell.setting for cell in held) if split else [""]:
            rows = [(_label(cell), cell.config) for cell in held if setting in ("", cell.setting)]
            parts += _section(f"{setting}, in" if setting else "In", rows, notes)
    teachers = [(name.rpartition("/")[2], name) for name in TEACHERS]
    parts += ["## Teachers of the rows with distillation", *_section("In", teachers, notes)]
    reasons = "\n".join(f"{count}. {reason}" for reason, count in notes.items())
    details = "\n".join(f"- {detail}" for detail in _data()["details"])
    return "\n\n".join([*parts, "## Reasons", reasons, "## Details", details]) + "\n"


def _label(cell: Cell) -> str:
    return ", ".join(part for part in (cell.row, cell.setting) if part)


def _section(start: str, rows: list[tuple[str, str]], notes: dict[str, int]) -> list[str]:
    """What the rows share, then each row with the rest."""
    held = {config: {point.name: point for point in points(config)} for _, config in rows}
    first = held[rows[0][1]]
    shared = {name for name in first if all(row[name] == first[name] for row in held.values())}
    parts = [f"{start} every row:", grid(HEADER, _lines(first, shared, notes))]
    lines = [
        [label, f"`{config}`", *line]
        for label, config in rows
        for line in _lines(held[config], set(first) - shared, notes)
    ]
    return [*parts, "Row by row:", grid(["row", "config", *HEADER], lines)]


def _lines(row: dict[str, Point], names: set[str], notes: dict[str, int]) -> list[list[str]]:
    lines = []
    for name, point in row.items():
        if name not in names:
            continue
        mark = point.mark
        if mark == DIFFERS and point.reason:
            mark += f" {notes.setdefault(point.reason, len(notes) + 1)}"
        lines.append([name, point.statement, str(point.does), mark])
    return lines
