"""What it cost: hours, memory, images a second."""

from dataclasses import astuple

from tricklift.report.html import fill
from tricklift.report.pictures.cost import cost as draw
from tricklift.report.section import Section, csv_file
from tricklift.report.study import Study
from tricklift.tables.compare import DOWNSTREAM
from tricklift.tables.costs import costs, gpu_seconds
from tricklift.tables.page import TASK_NAMES

#: Fields of `Cost`, with their units.
HEADER = ("row", "task", "runs", "wall_hours", "cpu_hours", "gpu_hours", "peak_memory_gib",
          "images_per_second")  # fmt: skip


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
        taught=any(run["teacher"] for run in study.done),
        gpu=any(it.gpu_hours for it in found),
        wall=sum(run["wall_seconds"] for run in study.done) / 3600,
        cpu=sum(run["cpu_seconds"] or 0.0 for run in study.done) / 3600,
        gpus=sum(map(gpu_seconds, study.done)) / 3600,
        runs=len(study.done),
    )
    return Section("Cost", "cost", body, [csv_file("cost.csv", HEADER, map(astuple, found))])


def named(study: Study) -> list[str]:
    """What each line is called, with its heads and tier where that is needed."""
    names = []
    for label, line in zip(study.labels, study.lines, strict=True):
        heads = [head for task in DOWNSTREAM if task in line.several and (head := line.head(task))]
        parts = [*heads, *([str(line.first["tier"])] if len(study.tiers) > 1 else [])]
        names.append(f"{label} ({', '.join(parts)})" if parts else label)
    return names
