"""Training curves: loss, rate and metric of every run, one figure a task."""

from collections.abc import Iterator

from tricklift.report.html import fill
from tricklift.report.pictures.curves import curves as draw
from tricklift.report.scalars import Curves, of_run
from tricklift.report.section import Section, csv_file
from tricklift.report.sections.predictions import NAMES
from tricklift.report.study import Study
from tricklift.tables.compare import TASKS
from tricklift.tables.records import Record

HEADER = ("tier", "task", "row", "seed", "curve", "iteration", "value")


def section(study: Study) -> Section | None:
    """A figure a tier and task; None where no run logged anything."""
    figures: list[dict[str, object]] = []
    lines: list[tuple[object, ...]] = []
    for tier, task, rows in _tasks(study):
        title = f"Training curves: {NAMES[task]}" + (f", {tier}" if len(study.tiers) > 1 else "")
        seen = {label: [run for _, run in runs] for label, runs in rows.items()}
        drawn = draw(seen, _places(study, tier), f"curves-{study.tier_ids[tier]}-{task}", title)
        figures.append({"title": NAMES[task].capitalize(), "tier": tier, "figure": drawn})
        lines += [
            (tier, task, label, record["seed"], name, round(at), f"{value:.6g}")
            for label, runs in rows.items()
            for record, run in runs
            for name, points in run.parts().items()
            for at, value in points
        ]
    if not figures:
        return None
    body = fill("curves.html", figures=figures, study=study)
    return Section("Training curves", "curves", body, [csv_file("curves.csv", HEADER, lines)])


def _places(study: Study, tier: str) -> dict[str, int]:
    """Label -> its place among all rows of the tier: a row looks alike in all figures."""
    named = [it for task in TASKS for it in study.of_task(tier, task).items()]
    labels = dict.fromkeys(label for line in study.lines for label, its in named if its is line)
    return {label: place for place, label in enumerate(labels)}


def _tasks(study: Study) -> Iterator[tuple[str, str, dict[str, list[tuple[Record, Curves]]]]]:
    for tier in study.tiers:
        for task in TASKS:
            found = {
                label: [(run, curves) for run in line.runs[task] if (curves := of_run(run))]
                for label, line in study.of_task(tier, task).items()
            }
            if rows := {label: runs for label, runs in found.items() if runs}:
                yield tier, task, rows
