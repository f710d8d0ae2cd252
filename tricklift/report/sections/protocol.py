"""How it was done: data and protocols, software and hardware, commits, commands, every run."""

import csv
import io
from collections.abc import Iterable

from tricklift.markdown import duration
from tricklift.report.html import fill
from tricklift.report.section import Download, Section
from tricklift.report.study import Study
from tricklift.tables.page import TASK_NAMES
from tricklift.tables.provenance import commit, config_name, machine_texts, typed
from tricklift.tables.records import Record


def section(study: Study) -> Section | None:
    """Always there where a run has begun."""
    if not study.records:
        return None
    runs = [run_of(record) for record in sorted(study.records, key=lambda it: it["started"] or "")]
    body = fill(
        "protocol.html",
        data=data_sets(study.done),
        protocols=protocols(study.done),
        versions=sorted({f"tricklift {run['version']}" for run in study.done if run["version"]}),
        commits=list(dict.fromkeys(map(commit, study.done))),
        dirty=any(commit(run).endswith("+") for run in study.done),
        machines=machine_texts(study.done),
        commands=typed(study.folder),
        runs=runs,
        question=study.analysis.question if study.lines else None,
    )
    return Section("How it was done", "protocol", body, [Download("runs.csv", to_csv(runs))])


def data_sets(done: Iterable[Record]) -> list[dict[str, str]]:
    """Each set that was read: task, name, images of each split, digest."""
    found = {}
    for record in done:
        data = record["data"] or {}
        splits = (data.get("splits") or {}).items()
        told = {
            "task": TASK_NAMES.get(record["task"], record["task"]),
            "name": str(record["dataset"]),
            "images": ", ".join(f"{held.get('images', '?')} {name}" for name, held in splits),
            "digest": record.digest or "not recorded",
        }
        found[tuple(told.values())] = told
    return list(found.values())


def protocols(done: Iterable[Record]) -> list[str]:
    """Each task with how its metric is taken."""
    return list(
        dict.fromkeys(
            f"{TASK_NAMES.get(run['task'], run['task']).capitalize()}: {run['protocol']}"
            for run in done
        )
    )


def run_of(record: Record) -> dict[str, str]:
    """What the list of runs says of one."""
    length = f"{record['epochs']} epochs" if record["epochs"] else f"{record['iters']} iterations"
    return {
        "task": TASK_NAMES.get(record["task"], record["task"]),
        "row": str(record["row"]),
        "config": config_name(record),
        "seed": str(record["seed"]),
        "length": length,
        "wall time": duration(record["wall_seconds"]),
        "config hash": record["config_hash"][:8],
        "commit": commit(record),
        "status": record["status"],
    }


def to_csv(runs: list[dict[str, str]]) -> str:
    """One line a run."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(runs[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(runs)
    return stream.getvalue()
