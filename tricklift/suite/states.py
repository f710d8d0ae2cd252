"""`OUT/state/JOB.json` and `OUT/logs/JOB.log`: what a job's latest attempt has come to.

States: `running`, `done`, `failed`, and `stopped` (by a signal; it can be resumed).
"""

import contextlib
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tricklift.records.atomic import read_json, write_text

STATES = "state"
LOGS = "logs"


def file_of(out: Path, name: str) -> Path:
    """The state of a job."""
    return out / STATES / f"{name}.json"


def log_of(out: Path, name: str) -> Path:
    """All that a job's attempts said, one after another."""
    return out / LOGS / f"{name.replace('/', '_')}.log"


def lock_of(out: Path, name: str) -> tuple[Path, str]:
    """Held by the process that works on a job; what that one does."""
    return out / STATES / f"{name}.lock", f"works on {name} in {out}"


def read(out: Path, name: str) -> dict[str, Any]:
    """What was noted of a job, {} where nothing was."""
    return read_json(file_of(out, name))


def begun(out: Path, name: str) -> dict[str, Any]:
    """Note that an attempt begins on this host, in this process; returns the note."""
    before = read(out, name)
    note = {
        "state": "running",
        "attempt": 1 if before.get("state") in (None, "done") else before.get("attempt", 0) + 1,
        "host": platform.node(),
        "pid": os.getpid(),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "started": now(),
    }
    write_text(file_of(out, name), json.dumps(note, indent=1) + "\n")
    return note


def ended(out: Path, name: str, note: dict[str, Any], **outcome: Any) -> None:
    """Note how it ended. A disk that is full keeps this from nobody: the caller tells, too."""
    with contextlib.suppress(OSError):
        text = json.dumps({**note, **outcome, "ended": now()}, indent=1) + "\n"
        write_text(file_of(out, name), text)


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def seconds(note: dict[str, Any]) -> float | None:
    """How long an attempt has taken, or took."""
    if not note.get("started"):
        return None
    end = datetime.fromisoformat(note.get("ended") or now())
    return (end - datetime.fromisoformat(note["started"])).total_seconds()
