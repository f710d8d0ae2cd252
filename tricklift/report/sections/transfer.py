"""The transfer table: every row, what it reaches, and how it differs from a baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tricklift.paper import numbers
from tricklift.report.html import fill
from tricklift.report.section import Download, Section
from tricklift.report.study import Study
from tricklift.tables.compare import COLUMNS, DOWNSTREAM, TITLES, Line, Row
from tricklift.tables.differences import Difference
from tricklift.tables.families import Family
from tricklift.tables.methods import method
from tricklift.tables.page import differences_csv, to_csv

#: With more rows, the chosen baseline alone: each needs its own differences in the page.
MOST_BASELINES = 24


@dataclass(frozen=True)
class Cell:
    """A row's value of a metric.

    Attributes:
        value: As `Observations.summary` has it; None without a run.
        paper: The paper's value of a row of this name.
        gains: Baseline -> difference from it; None where there is nothing to compare.
    """

    value: Mapping[str, float] | None
    paper: float | None
    gains: Mapping[str, Difference | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A row of the table."""

    label: str
    row: Row
    line: Line
    seeds: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """The rows of one tier; `methods`: of each baseline, what makes its intervals and p."""

    tier: str
    baseline: str
    baselines: Sequence[str]
    methods: Sequence[str]
    titles: Sequence[str]
    entries: Sequence[Entry]
    paper: bool


def section(study: Study) -> Section | None:
    """One table a tier; None without a finished run."""
    if not study.lines:
        return None
    body = fill(
        "transfer.html",
        tables=[table(study, tier) for tier in study.tiers],
        source=numbers.source(),
    )
    files = [
        Download("transfer-table.csv", to_csv(study.rows, study.lines)),
        Download("differences.csv", differences_csv(study.analysis)),
    ]
    return Section("Transfer table", "table", body, files)


def table(study: Study, tier: str) -> Table:
    """The rows of a tier, with their differences from each baseline that can be chosen."""
    chosen = study.baselines[tier]
    mine = [
        (label, line, row)
        for label, line, row in zip(study.labels, study.lines, study.rows, strict=True)
        if line.first["tier"] == tier
    ]
    labels = dict.fromkeys([*study.compared(tier), chosen])
    families = {
        name: found
        for name in (labels if len(labels) <= MOST_BASELINES else [chosen])
        if (found := study.families("baseline", tier, name)) or name == chosen
    }
    metrics = [name for name in COLUMNS if any(row[name] for _, _, row in mine)]
    places = _places(study, tier)
    entries = [
        Entry(
            label,
            row,
            line,
            _seeds(line),
            [_cell(line, row, metric, places, families) for metric in metrics],
        )
        for label, line, row in mine
    ]
    paper = any(cell.paper is not None for entry in entries for cell in entry.cells)
    titles = [TITLES[metric] for metric in metrics]
    methods = [method("baseline", list(of_baseline.values())) for of_baseline in families.values()]
    return Table(tier, chosen, list(families), methods, titles, entries, paper)


def _seeds(line: Line) -> str:
    """`seeds 0, 1 of pretraining; 0 of the runs after it`; shorter where these are the same."""
    first = ", ".join(map(str, line.pretraining_seeds()))
    tasks = [task for task in DOWNSTREAM if line.runs[task]]
    after = dict.fromkeys(", ".join(map(str, line.seeds(task))) for task in tasks)
    if list(after) in ([], [first]):
        return f"seeds {first}" if first else ""
    later = f"{' / '.join(after)} of the runs downstream"
    return f"seeds {first} of pretraining, {later}" if first else f"seeds {later}"


def _places(study: Study, tier: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Metric and result file -> title of the column and label that this run has there."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for column in study.columns:
        if column.tier == tier:
            for label, line in column.lines.items():
                run = line.runs[COLUMNS[column.metric]][0]
                found.setdefault((column.metric, str(run.path)), []).append((column.title, label))
    return found


def _cell(
    line: Line,
    row: Row,
    metric: str,
    places: Mapping[tuple[str, str], Sequence[tuple[str, str]]],
    families: Mapping[str, Mapping[str, Family]],
) -> Cell:
    name = line.first["row"]
    theirs = numbers.transfer(name)[metric] if name in numbers.transfer_rows() else None
    if line.first["tier"] == "full":  # there, only what is the paper's recipe stands beside it
        theirs = (row["paper"] or {}).get(metric)
    runs = line.runs[COLUMNS[metric]]
    if not runs or row[metric] is None:
        return Cell(None, theirs)
    where = places.get((metric, str(runs[0].path)), [])
    gains = {
        baseline: next(
            (
                found
                for title, label in where
                if title in of_baseline
                for found in of_baseline[title].differences
                if found.row == label
            ),
            None,
        )
        for baseline, of_baseline in families.items()
    }
    return Cell(row[metric], theirs, gains)
