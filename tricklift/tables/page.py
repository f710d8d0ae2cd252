"""The transfer table as markdown, CSV or JSON; the markdown also says how it came about."""

import csv
import io
import json
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.markdown import duration, grid, paragraphs, titled, without_markup
from tricklift.tables.analysis import Analysis, Question, analyse
from tricklift.tables.columns import marked
from tricklift.tables.compare import COLUMNS, DOWNSTREAM, TITLES, Line, Row, lines
from tricklift.tables.costs import in_all
from tricklift.tables.differences import Difference
from tricklift.tables.provenance import commit, config_name, machine_texts, typed
from tricklift.tables.records import Record
from tricklift.tables.reference import note
from tricklift.tables.statistics_page import section

TASK_NAMES = {"cls": "pretraining", "det": "detection", "seg": "segmentation"}
FIGURES = (
    "All figures are percent, of the last epoch or iteration: the mean over n pretrainings, each "
    "the mean of its runs, `±` the standard deviation over pretrainings; with one pretraining and "
    "several runs, over these runs."
)
FORMATS = ("md", "csv", "differences-csv", "json")


def render(
    rows: list[Row],
    records: list[Record],
    style: str,
    folder: Path,
    question: Question | None = None,
) -> str:
    """The table, and what is said about its rows, in one of `FORMATS`.

    `csv` is the table alone, `differences-csv` the differences alone.

    Raises:
        UserError: Another format, or a question that the rows do not allow.
    """
    if style not in FORMATS:
        raise UserError(f"unknown format {style!r}; known: {', '.join(FORMATS)}")
    behind = lines(record for record in records if record.done)
    if style == "csv":
        return to_csv(rows, behind)
    if style == "md":
        return to_markdown(rows, records, folder, question)
    analysis = analyse(behind, question)
    if style == "json":
        return json.dumps({"rows": rows, "analysis": asdict(analysis)}, indent=2) + "\n"
    return differences_csv(analysis)


def differences_csv(analysis: Analysis) -> str:
    """One line a difference, with the family that it is of."""
    stream = io.StringIO()
    of_family = ("tier", "metric", "title", "kind")
    parts = [field.name for field in fields(Difference)]
    writer = csv.DictWriter(stream, [*of_family, *parts], lineterminator="\n")
    writer.writeheader()
    for family in analysis.families:
        told = {name: getattr(family, name) for name in of_family}
        for found in family.differences:
            entries = {**told, **asdict(found)}.items()
            writer.writerow({k: _told(v) if isinstance(v, str) else v for k, v in entries})
    return stream.getvalue()


def _told(text: str | None) -> str | None:
    """Text of a CSV file that no spreadsheet takes for a formula; `+ cosine` is none."""
    return f"'{text}" if text and re.match(r"[=@]|[+-].*[(!|]", text) else text


def to_csv(rows: list[Row], behind: list[Line]) -> str:
    """One line a row; of each metric mean, std, n and runs, the paper's value and the difference.

    Args:
        rows: Rows of the table.
        behind: The runs behind each.
    """
    stream = io.StringIO()
    parts = [f"{name}_{part}" for name in COLUMNS for part in ("mean", "std", "n", "runs")]
    papers = [f"{what}_{name}" for what in ("paper", "difference") for name in COLUMNS]
    names = ["row", "backbone", "pretrained", *parts, *papers, "protocol", "seeds", "reference"]
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    for row, line in zip(rows, behind, strict=True):
        cells = {key: _told(row[key]) for key in ("row", "backbone", "pretrained", "protocol")}
        cells["seeds"] = seeds(line)
        cells["reference"] = row["reference"]
        theirs = row["paper"] or {}
        for name in COLUMNS:
            cells.update({f"{name}_{part}": value for part, value in (row[name] or {}).items()})
            cells[f"paper_{name}"] = theirs.get(name)
            cells[f"difference_{name}"] = theirs.get("difference", {}).get(name)
        writer.writerow(cells)
    return stream.getvalue()


def to_markdown(
    rows: list[Row], records: list[Record], folder: Path, question: Question | None = None
) -> str:
    """A page: commands, the table, how rows differ, protocols, runs with wall times, machine."""
    done = [record for record in records if record.done]
    own = [record for record in done if not record.reference]
    behind = lines(done)
    tiers = ", ".join(sorted({record["tier"] for record in done})) or "nothing finished"
    parts = [
        f"# Transfer table: {tiers}",
        f"Written by `tricklift compare`. {FIGURES} Seeds: of the pretraining; of detection and "
        "segmentation (`/` between them where they differ).",
        commands(folder),
        transfer_table(rows, behind),
        note(records),
        section(analyse(behind, question)),
        protocols(rows),
        _runs(own),
        machines(own),
        unfinished(records),
    ]
    return without_markup(paragraphs(parts)) + "\n"


def cell(metric: dict[str, Any] | None, theirs: float | None = None) -> str:
    """`61.20 ± 0.40 (n=3)`, with the paper's value and the difference where there is one.

    `(n=3, 5 runs)` where some of the pretrainings have several runs, `(3 runs)` with a single one.
    """
    if metric is None:
        return "-" if theirs is None else f"- (paper {theirs:.2f})"
    text = f"{metric['mean']:.2f}"
    if metric["runs"] > 1:
        told = [f"n={metric['n']}"] if metric["n"] > 1 else []
        told += [f"{metric['runs']} runs"] if metric["runs"] > metric["n"] else []
        text += f" ± {metric['std']:.2f} ({', '.join(told)})"
    if theirs is not None:
        text += f" (paper {theirs:.2f}, {metric['mean'] - theirs:+.2f})"
    return text


def seeds(line: Line) -> str:
    """`0; 0,1,2`: of the pretraining; of detection and segmentation, `0,1 / 0` where they differ.

    `-` for none: a row without pretraining or nothing after it, or weights that do not tell.
    """
    given = [
        line.pretraining_seeds(),
        *(line.seeds(task) for task in DOWNSTREAM if line.runs[task]),
    ]
    first, *rest = (",".join(map(str, numbers)) for numbers in given)
    return f"{first or '-'}; {' / '.join(dict.fromkeys(rest)) or '-'}"


def transfer_table(rows: list[Row], behind: list[Line]) -> str:
    """One line a row, as Markdown; `behind`: the runs of each, in the same order."""
    numbers = numbered(rows)
    body = [
        [
            marked(row["row"], line),
            row["backbone"] or "-",
            row["pretrained"] or "none",
            *(cell(row[name], (row["paper"] or {}).get(name)) for name in COLUMNS),
            str(numbers[row["protocol"]]),
            seeds(line),
        ]
        for row, line in zip(rows, behind, strict=True)
    ]
    header = ["row", "backbone", "pretrained on", *TITLES.values(), "protocol", "seeds"]
    return grid(header, body) if body else "No run has finished yet."


def numbered(rows: list[Row]) -> dict[str, int]:
    """Number of each protocol, from 1, in the order of the rows."""
    texts = dict.fromkeys(row["protocol"] for row in rows)
    return {text: number for number, text in enumerate(texts, start=1)}


def protocols(rows: list[Row]) -> str:
    """The protocols by their numbers, and where the paper's values are from."""
    lines = [f"{number}. {text}" for text, number in numbered(rows).items()]
    sources = dict.fromkeys(row["paper"]["source"] for row in rows if row["paper"])
    lines += [f"\nThe paper's values: {source}." for source in sources]
    return titled("## Protocols", lines)


def _runs(done: list[Record]) -> str:
    lines = [
        [
            TASK_NAMES.get(record["task"], record["task"]),
            record["row"],
            config_name(record),
            str(record["seed"]),
            f"{record['epochs']} epochs" if record["epochs"] else f"{record['iters']} iterations",
            duration(record["wall_seconds"]),
            record["config_hash"][:8],
            commit(record),
        ]
        for record in sorted(done, key=lambda record: record["started"] or "")
    ]
    if not lines:
        return ""
    header = ["task", "row", "config", "seed", "length", "wall time", "config hash", "commit"]
    dirty = any(commit(record).endswith("+") for record in done)
    note = " `+`: the source tree had changes." if dirty else ""
    return f"## Runs\n\n{grid(header, lines)}\n\n{in_all(done)}{note}"


def machines(done: list[Record]) -> str:
    """What the runs computed on."""
    return titled("## Machine", [f"- {text}" for text in machine_texts(done)])


def unfinished(records: list[Record]) -> str:
    """Runs that have not come to their end."""
    lines = [
        f"- {TASK_NAMES.get(record['task'], record['task'])}, {record['row']}, "
        f"`{record['backbone']}`, seed {record['seed']}: {record['status']}"
        for record in records
        if not record.done and not record.reference
    ]
    return titled("## Not counted (unfinished)", lines)


def commands(folder: Path) -> str:
    """What was typed, as `tricklift run` and `demo` noted it in the folder or below, by time.

    Raises:
        UserError: A note is not readable.
    """
    lines = typed(folder)
    return "```\n" + "\n".join(lines) + "\n```" if lines else ""
