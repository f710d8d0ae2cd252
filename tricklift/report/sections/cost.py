"""What it cost: hours, memory, images a second."""

import csv
import io
from dataclasses import asdict, fields

from tricklift.report.html import fill
from tricklift.report.pictures.cost import cost as draw
from tricklift.report.section import Download, Section
from tricklift.report.study import Study
from tricklift.tables.compare import DOWNSTREAM
from tricklift.tables.costs import Cost, costs, gpu_seconds
from tricklift.tables.page import TASK_NAMES


def section(study: Study) -> Section | None:
    """A figure, and a line a row and task; None without a finished run."""
    if not study.lines:
        return None
    found = costs(study.lines, named(study))
    body = fill(
        "cost.html",
        figure=draw(found, TASK_NAMES, f"cost-{'-'.join(study.tier_ids.values())}"),
        costs=found,
        tasks=TASK_NAMES,
        gpu=any(it.gpu_hours for it in found),
        wall=sum(run["wall_seconds"] for run in study.done) / 3600,
        cpu=sum(run["cpu_seconds"] or 0.0 for run in study.done) / 3600,
        gpus=sum(map(gpu_seconds, study.done)) / 3600,
        runs=len(study.done),
    )
    return Section("Cost", "cost", body, [Download("cost.csv", to_csv(found))])


def named(study: Study) -> list[str]:
    """What each line is called, with its heads and tier where that is needed."""
    names = []
    for label, line in zip(study.labels, study.lines, strict=True):
        heads = [head for task in DOWNSTREAM if task in line.several and (head := line.head(task))]
        parts = [*heads, *([str(line.first["tier"])] if len(study.tiers) > 1 else [])]
        names.append(f"{label} ({', '.join(parts)})" if parts else label)
    return names


def to_csv(found: list[Cost]) -> str:
    """One line a row and task."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [it.name for it in fields(Cost)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, found))
    return stream.getvalue()
