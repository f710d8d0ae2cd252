"""What augmentation and mixup do to a batch, from the resolved configs of the runs."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tricklift.compat import imports
from tricklift.records import training_items
from tricklift.records.resolved_config import parsed
from tricklift.report.augmented import MARK, leaf
from tricklift.report.html import fill
from tricklift.report.run_files import config_text
from tricklift.report.section import Section
from tricklift.report.sections.predictions import NAMES
from tricklift.report.study import Study
from tricklift.tables.compare import TASKS

#: Of a task: so many ways of augmenting are shown.
MOST = 3
#: Seconds: importing OpenMMLab takes most of them.
PATIENCE = 180


def section(study: Study) -> Section | None:
    """A grid for each way of augmenting; None where no run left items that it trains on."""
    ways = [way for task in TASKS for way in list(_ways(study, task))[:MOST]]
    if not ways or not study.pictures:
        return None
    told = _shown(tuple((str(way["folder"]), _stamp(way["folder"])) for way in ways), study.say)
    parts = [{**way, **told.get(str(way["folder"]), {"error": "it said nothing"})} for way in ways]
    return Section("Augmentation", "augmentation", fill("augmentation.html", parts=parts))


def _ways(study: Study, task: str) -> Iterator[dict[str, Any]]:
    """Each way of augmenting with the rows that train so, and a run of one of them."""
    found: dict[str, dict[str, Any]] = {}
    for label, line in zip(study.labels, study.lines, strict=True):
        for run in line.runs[task][:1]:
            folder = run.path.parent
            if not training_items.read(folder).get("items"):
                continue
            how, steps = way(config_text(run))
            entry = {"task": NAMES[task], "rows": [], "folder": folder, "steps": steps}
            rows = found.setdefault(how, entry)["rows"]
            if label not in rows:
                rows.append(label)
    yield from found.values()


def way(config: str) -> tuple[str, list[str]]:
    """What in a run's config decides how images are augmented, and its steps in words."""
    cfg = parsed(config)
    model = _inside(cfg, "model")
    data = _inside(cfg, "train_dataloader", "dataset")
    pipeline = leaf(data)[0].get("pipeline")
    listed = pipeline if isinstance(pipeline, list) else []
    steps = [str(step.get("type")) for step in listed if isinstance(step, dict)]
    parts = [data.get("type"), pipeline, model.get("data_preprocessor"), model.get("mixup")]
    if mixup := _inside(model, "mixup"):
        steps.append(f"mixup {_settings(mixup)}")
    if jitter := _inside(model, "data_preprocessor", "jitter"):
        steps.append(f"colour jitter {_settings(jitter)}")
    return repr(parts), steps


def _inside(held: Any, *keys: str) -> dict[str, Any]:
    """The section of a config below some keys; empty where there is none."""
    for key in keys:
        held = held.get(key) if isinstance(held, dict) else None
    return held if isinstance(held, dict) else {}


def _settings(given: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in given.items())


def _stamp(folder: Path) -> int:
    return (folder / training_items.FILE).stat().st_mtime_ns


@lru_cache(maxsize=32)
def _shown(
    folders: Sequence[tuple[str, int]], say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Work dir -> what `tricklift.report.augmented` says of it."""
    say("looks at what augmentation does to some images: OpenMMLab is loaded, which takes seconds")
    command = [sys.executable, "-P", "-m", "tricklift.report.augmented"]
    command += [word for name in imports.given() for word in ("--import", name)]
    names = [name for name, _ in folders]
    try:
        done = subprocess.run(
            [*command, *names], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return {name: {"error": f"it took over {PATIENCE} s"} for name in names}
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    said = [json.loads(line.removeprefix(MARK)) for line in lines]
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return {name: {"error": last} for name in names} | {it["work_dir"]: it for it in said}
