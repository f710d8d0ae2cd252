"""What was put in place, in `ROOT/.tricklift/NAME.json`: for later looks, and for results.

The publishers give checksums of archives and none of single files. So when a set has been found
whole, the number and bytes of its files are written down, with the SHA-256 of some spread over it:
they tell what changes later. Of what lay there before they say nothing; so each part gets a line on
what its contents were compared with, if with anything. Results take the name of their data, and the
digest, from this file (`tricklift.records.data_identity`).
"""

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tricklift.data.prepare.checksums import compared
from tricklift.data.prepare.download import digest
from tricklift.data.prepare.job import Job
from tricklift.data.prepare.sets import Part
from tricklift.data.prepare.verify import files, spread
from tricklift.records.atomic import write_text

FORMAT = 2
#: How many files of a part are hashed.
SAMPLED = 100


def path_of(name: str, root: Path) -> Path:
    """Where the manifest of a set is."""
    return root / ".tricklift" / f"{name}.json"


def note(job: Job, unpacked: Collection[Part]) -> None:
    """Writes the manifest and says what was compared, where there is no manifest of this format.

    Args:
        job: Of a set that is whole.
        unpacked: Parts that this call unpacked from archives.
    """
    file = path_of(job.name, job.root)
    if _read(file).get("format") == FORMAT:
        return
    published = {archive.name: archive.checksum for archive in job.known.archives()}
    for part in job.known.parts:
        taken = [name for one in unpacked if one.folder == part.folder for name in one.archives]
        known = bool(taken) and all(published[name] for name in taken)
        job.say(f"{job.place_of(part)}: {compared(part.expected.sums, job.place_of(part), known)}")
    parts = {part.folder: _describe(job.place_of(part)) for part in job.known.parts}
    held = {"format": FORMAT, "set": job.name, "title": job.known.title, "folder": job.known.folder}
    try:
        write_text(file, json.dumps({**held, "parts": parts}, indent=1) + "\n")
        job.say(f"checksums of up to {SAMPLED} files a part kept for later looks: {file}")
    except OSError as error:  # a copy that may only be read is as good
        job.say(f"no checksums kept for a later look: {error}")


def changed(name: str, root: Path, parts: Mapping[str, Path]) -> str | None:
    """What differs from the manifest; None where nothing does, or where there is none.

    Args:
        name: Of the set.
        root: The folder that holds all sets.
        parts: Folder of a part -> where it is.
    """
    file = path_of(name, root)
    if not file.is_file():
        return None
    try:
        for part, entry in _read(file)["parts"].items():
            difference = _difference(parts[part], entry)
            if difference:
                return f"{difference} since it was prepared (if you meant that, remove {file})"
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return f"{file} is broken ({error!r}); remove it"
    return None


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    held: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return held


def _describe(folder: Path) -> dict[str, Any]:
    number, size = _survey(folder)
    sample = {
        path: [(folder / path).stat().st_size, digest(folder / path, "sha256")]
        for path in spread(folder, SAMPLED)
    }
    return {"files": number, "bytes": size, "sample": sample}


def _difference(folder: Path, entry: Mapping[str, Any]) -> str | None:
    for path, (size, sha256) in entry["sample"].items():
        file = folder / path
        if not file.is_file():
            return f"{file} has gone"
        if file.stat().st_size != size or digest(file, "sha256") != sha256:
            return f"{file} has changed"
    number, size = _survey(folder)
    if (number, size) != (entry["files"], entry["bytes"]):
        return (
            f"{folder} has changed from {entry['files']:,} files of {entry['bytes']:,} bytes "
            f"to {number:,} of {size:,}"
        )
    return None


def _survey(folder: Path) -> tuple[int, int]:
    """Number of files and their bytes."""
    sizes = [os.stat(folder / path).st_size for path in files(folder)]
    return len(sizes), sum(sizes)
