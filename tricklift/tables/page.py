"""The transfer table as markdown, CSV or JSON; the markdown also says how it came about."""

import csv
import io
import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from tricklift import configs
from tricklift.tables.compare import COLUMNS, Line, Row, ladder, lines
from tricklift.tables.ladder import CONFIDENCE, Step, foresight, step
from tricklift.tables.records import COMMANDS_FILE, Record
from tricklift.tables.text import duration, grid

TITLES = {"top1": "top-1", "voc_map": "VOC mAP", "pix_acc": "pixAcc", "miou": "mIoU"}
TASK_NAMES = {"cls": "pretraining", "det": "detection", "seg": "segmentation"}
FORMATS = ("md", "csv", "json")


def render(rows: list[Row], records: list[Record], style: str, folder: Path) -> str:
    """The table in one of `FORMATS`.

    Raises:
        ValueError: Another format.
    """
    if style not in FORMATS:
        raise ValueError(f"unknown format {style!r}; known: {', '.join(FORMATS)}")
    if style == "json":
        return json.dumps(rows, indent=2) + "\n"
    if style == "csv":
        return to_csv(rows)
    return to_markdown(rows, records, folder)


def to_csv(rows: list[Row]) -> str:
    """One line a row; mean, std, n and the paper's value for each metric."""
    stream = io.StringIO()
    parts = [f"{name}_{part}" for name in COLUMNS for part in ("mean", "std", "n")]
    papers = [f"paper_{name}" for name in COLUMNS]
    fields = ["row", "backbone", "pretrained", *parts, *papers, "protocol"]
    writer = csv.DictWriter(stream, fields, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        line = {key: row[key] for key in ("row", "backbone", "pretrained", "protocol")}
        for name in COLUMNS:
            line.update({f"{name}_{part}": value for part, value in (row[name] or {}).items()})
            line[f"paper_{name}"] = (row["paper"] or {}).get(name)
        writer.writerow(line)
    return stream.getvalue()


def to_markdown(rows: list[Row], records: list[Record], folder: Path) -> str:
    """A page: commands, the table, protocols, runs with wall times, machine, unfinished runs."""
    done = [record for record in records if record.done]
    tiers = ", ".join(sorted({record["tier"] for record in done})) or "nothing finished"
    parts = [
        f"# Transfer table: {tiers}",
        "Written by `tricklift compare`. All figures are percent, of the last epoch or iteration; "
        "`±` is the standard deviation over seeds.",
        commands(folder),
        _table(rows),
        _steps([line for line in lines(done) if line.first["row"] in ladder()]),
        protocols(rows),
        _runs(done),
        machines(done),
        unfinished(records),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def cell(metric: dict[str, Any] | None, theirs: float | None = None) -> str:
    """`61.20 ± 0.40 (n=3)`, with the paper's value and the difference where there is one."""
    if metric is None:
        return "-" if theirs is None else f"- (paper {theirs:.2f})"
    text = f"{metric['mean']:.2f}"
    if metric["n"] > 1:
        text += f" ± {metric['std']:.2f} (n={metric['n']})"
    if theirs is not None:
        text += f" (paper {theirs:.2f}, {metric['mean'] - theirs:+.2f})"
    return text


def _table(rows: list[Row]) -> str:
    numbers = numbered(rows)
    lines = [
        [
            row["row"],
            row["backbone"],
            row["pretrained"] or "none",
            *(cell(row[name], (row["paper"] or {}).get(name)) for name in COLUMNS),
            str(numbers[row["protocol"]]),
        ]
        for row in rows
    ]
    header = ["row", "backbone", "pretrained on", *TITLES.values(), "protocol"]
    return grid(header, lines) if lines else "No run has finished yet."


def _steps(rungs: list[Line]) -> str:
    """Each row's gain over the row above, and what the order in top-1 says about the rest.

    Where several networks share a row's name, no one row is the one above: nothing then.
    """
    networks: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in rungs:
        networks[line.first["tier"], line.first["row"]].add(line.first["backbone"])
    if any(len(names) > 1 for names in networks.values()):
        return ""
    body = []
    for above, line in pairwise(rungs):
        cells = [gain(step(above, line, metric)) for metric in COLUMNS]
        if above.first["tier"] == line.first["tier"] and any(text != "-" for text in cells):
            body.append([line.first["row"], *cells])
    if not body:
        return ""
    text = (
        "## Step by step\n\nGain over the row above, in points, as the mean over runs paired by "
        f"seed; in brackets its {CONFIDENCE:.0%} confidence interval (Student's t) where there is "
        "more than one pair. An interval that holds 0 says that the step may be chance."
        f"{_of_one_pretraining(rungs)}\n\n"
    )
    return text + grid(["row", *TITLES.values()], body) + _foresight(rungs)


def _of_one_pretraining(rungs: list[Line]) -> str:
    """What the intervals do not tell where no row was pretrained more than once."""
    downstream = [line.runs["det"] + line.runs["seg"] for line in rungs]
    if max(map(len, downstream)) < 2 or any(len(line.runs["cls"]) > 1 for line in rungs):
        return ""
    return (
        " Each row was pretrained once: the intervals hold the chance of detection and segmentation"
        ", not that of the pretraining."
    )


def gain(found: Step | None) -> str:
    """`+1.20 [+0.40, +2.00]`, `+1.20` for one pair, `-` for none."""
    if found is None:
        return "-"
    interval = "" if found.low is None else f" [{found.low:+.2f}, {found.high:+.2f}]"
    return f"{found.mean:+.2f}{interval}"


def _foresight(rungs: list[Line]) -> str:
    """One line a metric: Spearman's rank correlation with top-1 over the rows."""
    texts = []
    for metric in (name for name in COLUMNS if name != "top1"):
        found = foresight(rungs, metric)
        if found is not None:
            value = "not defined" if found.rho is None else f"{found.rho:+.2f} (p = {found.p:.3f})"
            texts.append(f"- {TITLES[metric]}: {value}, {found.rows} rows")
    head = "\n\nSpearman's rank correlation with top-1 over the rows (exact p, two-sided):\n\n"
    return head + "\n".join(texts) if texts else ""


def numbered(rows: list[Row]) -> dict[str, int]:
    """Number of each protocol, from 1, in the order of the rows."""
    texts = dict.fromkeys(row["protocol"] for row in rows)
    return {text: number for number, text in enumerate(texts, start=1)}


def protocols(rows: list[Row]) -> str:
    """The protocols by their numbers, and where the paper's values are from."""
    lines = [f"{number}. {text}" for text, number in numbered(rows).items()]
    sources = dict.fromkeys(row["paper"]["source"] for row in rows if row["paper"])
    lines += [f"\nThe paper's values: {source}." for source in sources]
    return "## Protocols\n\n" + "\n".join(lines) if lines else ""


def _runs(done: list[Record]) -> str:
    lines = [
        [
            TASK_NAMES.get(record["task"], record["task"]),
            record["row"],
            _config_name(record),
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
    total = duration(sum(record["wall_seconds"] for record in done))
    note = " `+`: the source tree had changes." if any(map(_dirty, done)) else ""
    return f"## Runs\n\n{grid(header, lines)}\n\nIn all {total} of training and validation.{note}"


def commit(record: Record) -> str:
    """`1f5b11ac`, with a `+` where the source tree had changes."""
    return (record["commit"] or "unknown")[:8] + ("+" if _dirty(record) else "")


def _dirty(record: Record) -> bool:
    return str(record["commit"]).endswith("-dirty")


def _config_name(record: Record) -> str:
    config = str(record["config"])
    name = configs.short_name(config) or Path(config).name
    if record.pretrained and record["task"] != "cls":
        return f"{name}, {record['backbone']}"
    return name


def machines(done: list[Record]) -> str:
    """What the runs computed on."""
    texts: dict[str, set[Any]] = {}
    for record in done:
        it = record["machine"]
        device = "" if it.get("device", "cpu") == "cpu" else f", {it['device']}"
        text = (
            f"{it.get('cpu')}, {it.get('cores')} cores, {it.get('threads')} threads{device}, "
            f"torch {it.get('torch')}"
        )
        texts.setdefault(text, set()).add(it.get("amp_dtype"))
    lines = [f"- {text}; {', '.join(sorted(map(str, kinds)))}" for text, kinds in texts.items()]
    return "## Machine\n\n" + "\n".join(lines) if lines else ""


def unfinished(records: list[Record]) -> str:
    """Runs that have not come to their end."""
    lines = [
        f"- {TASK_NAMES.get(record['task'], record['task'])}, {record['row']}, "
        f"seed {record['seed']}: {record['status']}"
        for record in records
        if not record.done
    ]
    return "## Not counted (unfinished)\n\n" + "\n".join(lines) if lines else ""


def commands(folder: Path) -> str:
    """What was typed, as `tricklift run` noted it in the folder.

    Raises:
        ValueError: The note is not readable.
    """
    file = folder / COMMANDS_FILE
    if not file.is_file():
        return ""
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        commands = dict.fromkeys(str(entry["command"]) for entry in entries)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is not readable ({error}); remove it") from error
    return "```\n" + "\n".join(commands) + "\n```"
