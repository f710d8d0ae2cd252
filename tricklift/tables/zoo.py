"""The page about what each backbone reached and cost: one line a network, from result files."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

import backbones
from tricklift.markdown import duration, grid, paragraphs, titled, without_markup
from tricklift.tables.backbone_page import refused
from tricklift.tables.columns import columns
from tricklift.tables.compare import COLUMNS, TASKS, TITLES, Line, build_rows, lines
from tricklift.tables.costs import in_all
from tricklift.tables.page import (
    TASK_NAMES,
    cell,
    commands,
    machines,
    numbered,
    protocols,
    unfinished,
)
from tricklift.tables.provenance import commit
from tricklift.tables.ranks import ranking
from tricklift.tables.records import Record
from tricklift.tables.statistics_page import interval

INTRODUCTION = """# Backbones compared: {tiers}

Written by `tricklift compare --by backbone`: each network pretrained, exported, and transferred to
detection and segmentation. All figures are percent, of the last epoch or iteration.{notes}"""
ZOO = """ The runs
of the tier `zoo` show that every family trains in all three tasks, and its cost; they are far too
short to say which network is better."""
NOTES = """Parameters include a 1000-way head. Times and memory are those of pretraining /
detection / segmentation, with validation and without the start of the program. CPU time and
resident memory are those of the main process, without its data workers; wall time includes delays
by other processes."""
#: One metric a task; pixAcc says of segmentation what mIoU says.
SCORED = ("top1", "voc_map", "miou")
SCORES = """A network's score is the mean over {titles} of how many standard deviations of the
networks it lies above their mean; networks without one of these are left out."""
SEVERAL = " Intervals of 95 % are by the bootstrap over pretrainings."
ONE = """ Each network was pretrained once, so this is the order of these
checkpoints, and another pretraining may give another."""
#: Options that leave the network the same.
START = {"init", "zero_gamma", "gradient_checkpointing", "output_stride"}
#: Title -> key in the result file, how it is written.
COSTS = {
    "wall time": ("wall_seconds", duration),
    "CPU time": ("cpu_seconds", duration),
    "peak memory, GiB": ("peak_memory", lambda mebibytes: f"{mebibytes / 1024:.1f}"),
}


def to_markdown(records: list[Record], folder: Path) -> str:
    """The page: commands, one line a network, refusals, protocols, lengths, machine."""
    done = [record for record in records if record.done]
    rows, all_lines = build_rows(done), lines(done)
    numbers = numbered(rows)
    named = len(set(map(network_of, all_lines))) < len(all_lines)  # one network in several rows
    body = [
        [
            *([line.first["row"]] if named else []),
            network_of(line),
            f"{parameters(line):,}",
            *(cell(row[name]) for name in COLUMNS),
            *(three(line, key, write) for key, write in COSTS.values()),
            str(numbers[row["protocol"]]),
        ]
        for line, row in zip(all_lines, rows, strict=True)
    ]
    header = ["row"] if named else []
    header += ["backbone", "parameters", *TITLES.values(), *COSTS, "protocol"]
    sources = dict.fromkeys(commit(record) for record in sorted(done, key=lambda r: r["started"]))
    parts = [
        introduction(done),
        commands(folder),
        grid(header, body) if body else "No run has finished yet.",
        NOTES if body else "",
        *scores(all_lines),
        refusals(all_lines),
        protocols(rows),
        lengths(done),
        machines(done),
        f"Source: {', '.join(sources)} (`+`: the tree had changes)." if sources else "",
        unfinished(records),
    ]
    return without_markup(paragraphs(parts)) + "\n"


def scores(all_lines: list[Line]) -> list[str]:
    """How networks rank over all tasks, in each tier."""
    parts = []
    table = [it for it in columns(all_lines) if it.metric in SCORED and len(it.lines) > 1]
    tiers = list(dict.fromkeys(column.tier for column in table))
    for tier in tiers:
        mine = [column for column in table if column.tier == tier]
        seen = {column.title: column.observations for column in mine}
        names = {label: named(line) for column in mine for label, line in column.lines.items()}
        whole = {
            label: {title: rows[label] for title, rows in seen.items()}
            for label in names
            if all(label in rows for rows in seen.values())
        }
        ranked = ranking(whole, list(seen)) if len(whole) > 1 else []
        body = [[names[it.row], interval(it.score, "{:+.2f}"), interval(it.rank)] for it in ranked]
        if body:
            several = any(row.rank.low is not None for row in ranked)
            title = f"## Over all tasks{f': {tier}' if len(tiers) > 1 else ''}"
            told = SCORES.format(titles=", ".join(seen)) + (SEVERAL if several else ONE)
            parts += [title, told, grid(["backbone", "score", "rank"], body)]
    return parts


def named(line: Line) -> str:
    """The network, and its row."""
    return f"{network_of(line)} ({line.first['row']})"


def introduction(done: list[Record]) -> str:
    """What the page is for, and what guessing would reach."""
    data = [record["data"] for record in done if record["task"] == "cls" and record["data"]]
    classes = {it["name"]: it["classes"]["count"] for it in data if it.get("classes")}
    guesses = [
        f" {name} has {count} classes, so guessing gets {100 / count:.1f} top-1."
        for name, count in sorted(classes.items())
    ]
    tiers = sorted({record["tier"] for record in done})
    notes = [ZOO if "zoo" in tiers else "", *guesses]
    return INTRODUCTION.format(tiers=", ".join(tiers) or "nothing finished", notes="".join(notes))


def options_of(record: Record) -> dict[str, Any]:
    """The options of a run's network that make it another network."""
    known = set(backbones.info(record["backbone"]).options) - START
    return {key: value for key, value in (record["options"] or {}).items() if key in known}


def network_of(line: Line) -> str:
    """`resnet18_b`, or ``resnet18_b, deformable_stages=[3]``."""
    given = [f"{key}={value}" for key, value in options_of(line.first).items()]
    return ", ".join([f"`{line.first['backbone']}`", *given])


def parameters(line: Line) -> int:
    """Parameters with a 1000-way head, as in `tricklift list backbones`."""
    with torch.device("meta"):
        network = backbones.build(line.first["backbone"], **options_of(line.first))
    return sum(parameter.numel() for parameter in network.parameters())


def three(line: Line, key: str, write: Any) -> str:
    """A cost of each task's run, the mean over seeds: `1:02 / 0:58 / 0:40`."""
    cells = []
    for task in TASKS:
        values = [run[key] for run in line.runs[task] if run[key]]
        cells.append(write(sum(values) / len(values)) if values else "-")
    return " / ".join(cells)


def refusals(all_lines: Iterable[Line]) -> str:
    """What these networks do not support, with the reason, and where a run so differs."""
    texts = []
    for line in all_lines:
        name = line.first["backbone"]
        known = backbones.info(name)
        if known.paper.startswith("Approximate"):
            texts.append(f"- `{name}`: {known.paper} ({known.source})")
        reasons = (refused(name, output_stride=8), refused(name, stage=3))
        texts += [f"- {reason}" for reason in reasons if reason]
    texts += [
        f"- {network_of(line)} was segmented at output stride {run['options']['output_stride']}"
        for line in all_lines
        for run in line.runs["seg"][:1]
        if run["options"].get("output_stride", 8) != 8
    ]
    title = "## What to know about them, and what they do not support"
    return titled(title, list(dict.fromkeys(texts)))


def lengths(done: list[Record]) -> str:
    """How long the runs are, of each task; where that differs, of which networks."""
    found: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for run in sorted(done, key=lambda run: (TASKS.index(run["task"]), -run["iters"])):
        found[run["task"], run["iters"], run["epochs"]].append(f"`{run['backbone']}`")
    texts = []
    for (task, iters, epochs), names in found.items():
        text = f"- {TASK_NAMES[task]}: {iters} iterations"
        text += f" ({epochs} epoch{'s' if epochs > 1 else ''})" if epochs else ""
        several = len({key for key in found if key[0] == task}) > 1
        texts.append(f"{text}: {', '.join(dict.fromkeys(names))}" if several else text)
    return "## Lengths\n\n" + "\n".join(texts) + f"\n\n{in_all(done)}" if texts else ""
