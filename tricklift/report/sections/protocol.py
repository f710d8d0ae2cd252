"""How it was done: data and protocols, software and hardware, commits, commands, every run."""

from collections.abc import Iterable, Iterator

from tricklift.markdown import duration
from tricklift.report.html import fill
from tricklift.report.section import Section, csv_file
from tricklift.report.study import Study
from tricklift.tables.compare import TITLES
from tricklift.tables.page import TASK_NAMES
from tricklift.tables.provenance import commit, config_name, machine_texts, typed
from tricklift.tables.records import Record


def section(study: Study) -> Section | None:
    """Always there where a run has begun."""
    if not study.records:
        return None
    names = {str(run.path): name for name, run in named_runs(study)}
    runs = [
        run_of(record, names.get(str(record.path), str(record["row"])))
        for record in sorted(study.records, key=lambda it: it["started"] or "")
    ]
    body = fill(
        "protocol.html",
        data=data_sets(study.done),
        protocols=protocols(study.done),
        versions=versions(study.done),
        commits=list(dict.fromkeys(map(commit, study.done))),
        dirty=any(commit(run).endswith("+") for run in study.done),
        machines=machine_texts(study.done),
        commands=typed(study.folder),
        runs=runs,
        question=study.analysis.question if study.lines else None,
    )
    file = csv_file("runs.csv", runs[0], (run.values() for run in runs))
    return Section("How it was done", "protocol", body, [file])


def named_runs(study: Study) -> Iterator[tuple[str, Record]]:
    """Each finished run with what its row is called."""
    for label, line in zip(study.labels, study.lines, strict=True):
        for runs in line.runs.values():
            yield from ((label, run) for run in runs)


def versions(done: Iterable[Record]) -> list[str]:
    """Ours, and of the packages that a run computes with; one line for each set of them."""
    found: dict[str, None] = {}
    for run in done:
        others = run["machine"].get("versions") or {"torch": run["machine"].get("torch")}
        named = {"tricklift": run["version"], **others}
        found[", ".join(f"{name} {told}" for name, told in named.items() if told)] = None
    return list(found)


def data_sets(done: Iterable[Record]) -> list[dict[str, str]]:
    """Each set that was read: task, name, images of each split, digest, images in both splits."""
    found = {}
    for record in done:
        data = record["data"] or {}
        splits = (data.get("splits") or {}).items()
        told = {
            "task": TASK_NAMES.get(record["task"], record["task"]),
            "name": str(record["dataset"]),
            "images": ", ".join(f"{held.get('images', '?')} {name}" for name, held in splits),
            "digest": record.digest or "not recorded",
            "shared": str(record.val_images_in_train or ""),
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


def run_of(record: Record, row: str) -> dict[str, str]:
    """What the list of runs says of one; `row`: what it is called, told apart from others."""
    length = f"{record['epochs']} epochs" if record["epochs"] else f"{record['iters']} iterations"
    return {
        "task": TASK_NAMES.get(record["task"], record["task"]),
        "row": row,
        "config": config_name(record),
        "seed": str(record["seed"]),
        "length": length,
        "metrics": told_metrics(record),
        "wall time": duration(record["wall_seconds"]),
        "config hash": record["config_hash"][:8],
        "commit": commit(record),
        "status": record["status"],
    }


def told_metrics(record: Record) -> str:
    """`mIoU 41.48, pixAcc 83.55`; nothing before the first validation."""
    return ", ".join(
        f"{TITLES[name]} {value:.2f}"
        for name, value in record.data["metrics"].items()
        if name in TITLES and value is not None
    )
