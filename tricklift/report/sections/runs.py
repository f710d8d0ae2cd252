"""A page for each run: its curves, its config beside the baseline's, the end of its log.

The texts of many runs are alike, so they are packed together and unpacked where a run is opened.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tricklift.markdown import duration
from tricklift.report.html import anchors, fill
from tricklift.report.pictures.curves import of_run as drawn
from tricklift.report.run_files import config_text, difference, log_end
from tricklift.report.scalars import Curves, of_run
from tricklift.report.section import Section
from tricklift.report.sections.predictions import NAMES
from tricklift.report.sections.protocol import told_metrics
from tricklift.report.study import Study
from tricklift.tables.compare import TASKS
from tricklift.tables.records import Record


@dataclass(frozen=True)
class Run:
    """A run, what it is called, and the run that its config is compared with, if any."""

    record: Record
    label: str
    baseline: Record | None


def section(study: Study) -> Section | None:
    """None where no run has left more than its result."""
    runs = list(_runs(study))
    keys = anchors("-".join(["run", *run.record.path.parent.parts[-3:]]) for run in runs)
    entries, held = [], []
    for key, run in zip(keys, runs, strict=True):
        entries.append({"key": key, **_told(study, run)})
        held.append(_page(study, run, key))
    if not any(page["config"] or page["log"] or page["curves"] for page in held):
        return None
    columns = {name: [page[name] for page in held] for name in held[0]}
    packed = gzip.compress(json.dumps(columns, separators=(",", ":")).encode(), 9, mtime=0)
    body = fill("runs.html", runs=entries, packed=base64.b64encode(packed).decode())
    return Section("Runs", "runs", body)


def _runs(study: Study) -> Iterator[Run]:
    """Finished ones in the order of the table, then those that go on or ended early."""
    seen = set()
    for tier in study.tiers:
        for task in TASKS:
            own = [line for line in study.baseline_lines(tier) if line.runs[task]]
            for label, line in study.of_task(tier, task).items():
                alike = [it for it in own if it.head(task) == line.head(task)] or own
                for record in line.runs[task]:
                    seen.add(record.path)
                    yield Run(record, label, alike[0].runs[task][0] if alike else None)
    for record in study.records:
        if record.path not in seen:
            yield Run(record, str(record["row"]), None)


def _told(study: Study, run: Run) -> dict[str, Any]:
    """What the list says of a run."""
    record = run.record
    return {
        "label": run.label,
        "task": NAMES.get(record["task"], record["task"]),
        "tier": record["tier"] if len(study.tiers) > 1 else "",
        "seed": record["seed"],
        "status": record["status"],
        "metrics": told_metrics(record),
        "time": duration(record["wall_seconds"]),
        "folder": str(record.path.parent),
    }


def _page(study: Study, run: Run, key: str) -> dict[str, Any]:
    config = config_text(run.record)
    against = None if run.baseline is None else config_text(run.baseline)
    own = run.baseline is not None and run.baseline.path == run.record.path
    curves = of_run(run.record)
    return {
        "config": config,
        "diff": None if own or not against or not config else difference(against, config),
        "own": own,
        "log": log_end(run.record, study.folder),
        "curves": _drawn(key, run.label, *map(tuple, curves.parts().values()), curves.named)
        if curves
        else "",
        "csv": _csv(curves),
    }


@lru_cache(maxsize=512)
def _drawn(key: str, label: str, loss: Any, rate: Any, metric: Any, named: str) -> str:
    """Drawing takes a fifth of a second, and a page of runs that go on is written often."""
    curves = Curves(list(loss), list(rate), list(metric), named)
    return str(drawn(curves, f"{key}-curves", f"Training curves of {label}"))


def _csv(curves: Curves) -> str:
    lines = [
        f'"{name}",{round(at)},{value:.6g}'
        for name, points in curves.parts().items()
        for at, value in points
    ]
    return "\n".join(["curve,iteration,value", *lines, ""])
