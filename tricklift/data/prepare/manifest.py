"""What was put in place, in `ROOT/.tricklift/NAME.json`, so that a later look finds what changed.

The publishers give checksums of archives and none of single files. So when a set has been found
whole, the number and bytes of its files are written down, with the SHA-256 of some spread over it.
What lay there at that first look is compared with `checksums`, where those know the set.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tricklift.data.prepare.download import digest
from tricklift.data.prepare.verify import files, spread
from tricklift.records.atomic import write_text

FORMAT = 1
#: How many files of a part are hashed.
SAMPLED = 100


def path_of(name: str, root: Path) -> Path:
    """Where the manifest of a set is."""
    return root / ".tricklift" / f"{name}.json"


def write(name: str, root: Path, parts: Mapping[str, Path]) -> None:
    """Writes down what the parts (name -> folder) hold now."""
    entries = {part: _describe(folder) for part, folder in parts.items()}
    text = json.dumps({"format": FORMAT, "set": name, "parts": entries}, indent=1)
    write_text(path_of(name, root), text + "\n")


def changed(name: str, root: Path, parts: Mapping[str, Path]) -> str | None:
    """What differs from the manifest; None where nothing does, or where there is none."""
    file = path_of(name, root)
    if not file.is_file():
        return None
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        for part, entry in known["parts"].items():
            difference = _difference(parts[part], entry)
            if difference:
                return f"{difference} since it was prepared (if you meant that, remove {file})"
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return f"{file} is broken ({error!r}); remove it"
    return None


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
