"""Training curves: loss, rate and metric of every run, one figure a task."""

import csv
import io
from collections.abc import Iterator

from tricklift.report.html import fill
from tricklift.report.pictures.curves import curves as draw
from tricklift.report.scalars import Curves, of_run
from tricklift.report.section import Download, Section
from tricklift.report.sections.predictions import NAMES
from tricklift.report.study import Study
from tricklift.tables.compare import TASKS
from tricklift.tables.records import Record


def section(study: Study) -> Section | None:
    """A figure a tier and task; None where no run logged anything."""
    figures, stream = [], io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("tier", "task", "row", "seed", "curve", "iteration", "value"))
    for tier, task, rows in _tasks(study):
        title = f"Training curves: {NAMES[task]}" + (f", {tier}" if len(study.tiers) > 1 else "")
        seen = {label: [run for _, run in runs] for label, runs in rows.items()}
        key = f"curves-{study.tier_ids[tier]}-{task}"
        figures.append({"title": NAMES[task].capitalize(), "tier": tier,
                        "figure": draw(seen, key, title)})  # fmt: skip
        for label, runs in rows.items():
            for record, run in runs:
                for name, points in run.parts().items():
                    writer.writerows(
                        (tier, task, label, record["seed"], name, round(at), f"{value:.6g}")
                        for at, value in points
                    )
    if not figures:
        return None
    body = fill("curves.html", figures=figures, study=study)
    return Section("Training curves", "curves", body, [Download("curves.csv", stream.getvalue())])


def _tasks(study: Study) -> Iterator[tuple[str, str, dict[str, list[tuple[Record, Curves]]]]]:
    for tier in study.tiers:
        for task in TASKS:
            found = {
                label: [(run, curves) for run in line.runs[task] if (curves := of_run(run))]
                for label, line in study.of_task(tier, task).items()
            }
            if rows := {label: runs for label, runs in found.items() if runs}:
                yield tier, task, rows
