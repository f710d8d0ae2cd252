"""Where the jobs of a folder are, from its files alone: so it works beside a run and a cluster."""

import os
import platform
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tricklift.errors import MissingFileError
from tricklift.records import lock
from tricklift.records.atomic import read_json
from tricklift.records.schema import RESULT_FILE
from tricklift.suite import graph, states

#: In the order in which they are counted.
ORDER = ("done", "running", "queued", "stopped", "failed", "waiting", "blocked")
#: mmengine's progress in a log: `Epoch(train) [3][ 50/625]`, `Iter(val) [ 5/10]`.
STEP = re.compile(rb"(Epoch|Iter)\((train|val|test)\)\s+(?:\[(\d+)\])?\s*\[\s*(\d+)/(\d+)\].*")
ETA = re.compile(r"eta: (?:(\d+) days?, )?(\d+):(\d\d):(\d\d)")
SECONDS = re.compile(r"\btime: ([\d.]+)")
#: A running job that has said nothing for so many seconds is shown with how long that is.
SILENT = 300.0


@dataclass(frozen=True)
class Where:
    """Where one job is.

    Attributes:
        name: Of the job.
        kind: `training` or `export`.
        state: `done`, `running`, `queued` (submitted to a cluster), `stopped` (to be resumed),
            `failed`, `waiting` (for its turn or its needs) or `blocked` (what it needs failed).
        words: What there is to say of it in a few words.
        progress: 0 to 1, where it is known.
        metrics: Of the last validation, in percent.
        images_per_second: Of the last logged steps, over all processes.
        eta: Seconds that mmengine reckons until its end.
        seconds: How long it has taken, or took.
        attempt: How often it was begun.
        host: Where it runs or ran.
        log: Its log, where there is one.
    """

    name: str
    kind: str
    state: str
    words: str = ""
    progress: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    images_per_second: float | None = None
    eta: int | None = None
    seconds: float | None = None
    attempt: int = 0
    host: str | None = None
    log: str | None = None


def look(out: Path) -> list[Where]:
    """All jobs of a folder (see `graph.folder_of`), in the order of their needs.

    Raises:
        MissingFileError: The folder has no jobs.
    """
    out = graph.folder_of(out)
    entries = graph.read(out)
    if not entries:
        raise MissingFileError(
            f"no {graph.FILE} in {out}; give the folder of a 'tricklift run' (its --out)"
        )
    found: dict[str, Where] = {}
    for entry in entries:
        one = where(out, entry)
        needs = [found[name].state for name in entry["needs"] if name in found]
        if one.state == "waiting" and {"failed", "blocked"} & set(needs):
            one = Where(one.name, one.kind, "blocked", "what it needs has failed")
        found[one.name] = one
    return list(found.values())


def where(out: Path, entry: Mapping[str, Any]) -> Where:
    """Where one job of `jobs.json` is."""
    name, kind, note = entry["name"], entry["kind"], states.read(out, entry["name"])
    folder = Path(entry["work_dir"]) if "work_dir" in entry else None
    result = read_json(folder / RESULT_FILE) if folder else {}
    state, words = note.get("state"), str(note.get("words") or "")
    if state is None:
        state, words = _unnoted(entry, folder, result)
    elif state == "running" and not _lives(out, name, note):
        state, words = "stopped", "its process is gone"
    elif state == "done" and not _has_result(entry, result):
        state, words = "waiting", "its result is gone"
    log = states.log_of(out, name)
    known: dict[str, Any] = dict(
        metrics=result.get("metrics") or {},
        attempt=note.get("attempt", 0),
        host=note.get("host"),
        seconds=states.seconds(note) if note else result.get("wall_seconds"),
        log=str(log) if log.is_file() else None,
    )
    if state == "running":
        known |= progress(log, result)
        words = known.pop("words", words)
    elif state == "done":
        known["progress"] = 1.0
    return Where(name, kind, state, words, **known)


def _unnoted(entry: Mapping[str, Any], folder: Path | None, result: Mapping[str, Any]) -> Any:
    """The state of a job that was never begun here: a version before this one may have."""
    if _has_result(entry, result):
        return "done", ""
    if result and folder and lock.is_held(lock.of_run(folder)[0]):
        return "running", "by another command"
    return ("stopped", "half done") if result else ("waiting", "")


def _has_result(entry: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    if entry["kind"] == "export":
        return Path(entry["file"]).is_file()
    return "work_dir" not in entry or result.get("status") == "done"


def _lives(out: Path, name: str, note: Mapping[str, Any]) -> bool:
    """Whether the process that works on a job is there, as far as this host can tell."""
    if note.get("host") != platform.node():
        return True
    try:
        os.kill(int(note["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return lock.fcntl is None or lock.is_held(states.lock_of(out, name)[0])


def progress(log: Path, result: Mapping[str, Any]) -> dict[str, Any]:
    """What the end of a running job's log says, as attributes of `Where`."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - (1 << 14)))
            text, silent = file.read(), time.time() - os.fstat(file.fileno()).st_mtime
    except OSError:
        return {"words": "starting"}
    text = text[text.rfind(b"# attempt ") + 1 :]
    steps = list(STEP.finditer(text))
    quiet = f", silent for {silent / 60:.0f} min" if silent > SILENT else ""
    if not steps:
        return {"words": f"starting{quiet}"}
    unit, phase, epoch, step, steps_of_all = steps[-1].groups()
    what = "" if phase == b"train" else "validates, "
    place = f"{step.decode()}/{steps_of_all.decode()}"
    known: dict[str, Any] = {"words": f"{what}{place}{quiet}"}
    if unit == b"Epoch" and epoch:
        epochs = result.get("epochs")
        known["words"] = f"{what}epoch {epoch.decode()}/{epochs or '?'}, {place}{quiet}"
    trained = [one for one in steps if one[2] == b"train"]
    if trained:
        known |= _trained(trained[-1], result)
    return known


def _trained(found: re.Match[bytes], result: Mapping[str, Any]) -> dict[str, Any]:
    """Progress, speed and time left of a line of the training."""
    unit, _, epoch, step, of_all = found.groups()
    line, done = found[0].decode(errors="replace"), int(step) / max(1, int(of_all))
    if unit == b"Epoch" and epoch:
        epochs = result.get("epochs")
        done = (int(epoch) - 1 + done) / epochs if epochs else None  # type: ignore[assignment]
    known: dict[str, Any] = {"progress": done}
    if eta := ETA.search(line):
        days, hours, minutes, seconds = (int(part or 0) for part in eta.groups())
        known["eta"] = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    images, took = result.get("batch_size"), SECONDS.search(line)
    if images and took and float(took[1]) > 0:
        known["images_per_second"] = images / float(took[1])
    return known


def have_ended(jobs: Sequence[Where]) -> bool:
    """Whether nothing more is to be expected of them; one that was stopped may be resumed."""
    return all(job.state in ("done", "failed", "blocked") for job in jobs)


def counted(jobs: Sequence[Where]) -> str:
    """`12 jobs: 5 done, 2 running, 5 waiting`."""
    numbers = Counter(job.state for job in jobs)
    states_there = [*ORDER, *sorted(set(numbers) - set(ORDER))]
    parts = [f"{numbers[state]} {state}" for state in states_there if numbers[state]]
    return f"{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}: {', '.join(parts)}"
