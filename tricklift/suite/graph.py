"""`OUT/jobs.json`: what a folder was asked for, for whoever works on it or looks at it.

It holds `{"version": 1, "tier": ..., "root": ..., "asked": {...}, "jobs": [...]}`; a job is what
`to_json` of `tricklift.suite.jobs` makes of it, and has at least `name`, `kind` and `needs`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tricklift.errors import MissingFileError, UserError, did_you_mean
from tricklift.records import lock
from tricklift.records.atomic import read_json, write_text
from tricklift.suite.jobs import Job, from_json, to_json

FILE = "jobs.json"
VERSION = 1


def folder_of(out: Path) -> Path:
    """The folder that holds the jobs of a run: the one given, else the only one just below it.

    `tricklift demo` keeps its runs so, beside its data.
    """
    if (out / FILE).is_file():
        return out
    below = [file.parent for file in sorted(out.glob(f"*/{FILE}"))]
    return below[0] if len(below) == 1 else out


def write(
    out: Path, tier: str, root: str | Path, asked: Mapping[str, Any], jobs: Sequence[Job]
) -> None:
    """Add jobs to the folder's; those of the same name are replaced, the others stay.

    Args:
        out: Output folder.
        tier: Name of the tier, or its file.
        root: Folder of the data sets.
        asked: What was asked of it, as the plan takes it.
        jobs: Each after those that it needs.
    """
    out.mkdir(parents=True, exist_ok=True)
    new = [to_json(job) for job in jobs]
    names = {entry["name"] for entry in new}
    with lock.alone(out / f".{FILE}.lock"):
        kept = [entry for entry in read(out) if entry["name"] not in names]
        place = str(Path(root).resolve())
        held = {"version": VERSION, "tier": tier, "root": place, "asked": asked}
        held["jobs"] = [*kept, *new]
        write_text(out / FILE, json.dumps(held, indent=1, default=str) + "\n")


def read(out: Path) -> list[dict[str, Any]]:
    """The jobs of a folder as plain data, in the order of their needs; [] where there are none.

    Raises:
        UserError: A later version wrote them.
    """
    return list(_held(out).get("jobs") or ())


def root_of(out: Path) -> str | None:
    """The folder of the data sets that a folder's jobs read."""
    return _held(out).get("root")


def tier_of(out: Path) -> str | None:
    """The tier that a folder was asked for last: a name, or the file of one's own."""
    return _held(out).get("tier")


def _held(out: Path) -> dict[str, Any]:
    held = read_json(out / FILE)
    if held.get("version", VERSION) != VERSION:
        raise UserError(
            f"{out / FILE} is of version {held['version']}, and this tricklift reads {VERSION}; "
            "use the one that wrote it"
        )
    return held


def job_of(out: Path, name: str) -> Job:
    """A job of a folder.

    Raises:
        MissingFileError: There are no jobs.
        UserError: There is no such job.
    """
    entries = {entry["name"]: entry for entry in read(out)}
    if not entries:
        raise MissingFileError(f"no {FILE} in {out}; 'tricklift run TIER --out {out}' writes it")
    if name not in entries:
        hint = did_you_mean(name, entries)
        raise UserError(
            f"no job {name!r} in {out}{hint}; 'tricklift status {out}' lists its {len(entries)}"
        )
    return from_json(entries[name])
