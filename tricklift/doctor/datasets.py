"""The data sets below the root: which are there, whole by their folders, and known to `prepare`."""

import json
from collections.abc import Iterator
from os.path import isdir, isfile, islink  # False below a folder that may not be entered
from pathlib import Path

from tricklift.data.prepare import MINIWORLD, SETS
from tricklift.data.prepare.manifest import FORMAT, path_of
from tricklift.doctor.finding import Finding


def findings(root: Path) -> Iterator[Finding]:
    """A line for each set that is there, and one for those that are not."""
    absent = []
    for name in (MINIWORLD, *SETS):
        folder = root / (SETS[name].folder if name in SETS else name)
        if isdir(folder):
            yield _there(name, root, folder)
        elif islink(folder):
            remedy = f"mount or restore {folder.resolve()}, or remove the link"
            yield Finding(f"data: {name}", f"{folder} leads nowhere", "note", remedy)
        else:
            absent.append(name)
    if absent:
        how = "" if isfile(root) else f" (`tricklift prepare NAME --root {root}`)"
        said = f"not below {root}: {', '.join(absent)}{how}"
        yield Finding("data", said)


def _there(name: str, root: Path, folder: Path) -> Finding:
    again = f"tricklift prepare {name} --root {root}"
    parts = [folder / part.folder for part in SETS[name].parts] if name in SETS else [folder]
    gone = [str(part) for part in parts if not isdir(part)]
    if gone:
        return Finding(f"data: {name}", f"{', '.join(gone)} is not there", "note", again)
    if name == MINIWORLD:
        known = isfile(folder / "manifest.json")
    else:
        known = _format(path_of(name, root)) == FORMAT
    if not known:
        said = f"{folder} is there, and nothing has looked at it yet"
        return Finding(f"data: {name}", said, "note", f"{again} checks it")
    return Finding(f"data: {name}", f"{folder}, as prepared")


def _format(file: Path) -> object:
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return held.get("format") if isinstance(held, dict) else None
