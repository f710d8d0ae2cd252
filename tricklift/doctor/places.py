"""Where data, runs and downloaded weights go: whether they can be written, and the room there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tricklift.doctor.finding import Finding, Level

GB = 1e9
#: Room that a run of the small tiers takes, and that a temporary folder must have.
ROOM, ROOM_FOR_TEMPORARY = 5 * GB, 0.1 * GB


def findings(root: Path, out: Path) -> Iterator[Finding]:
    """All folders."""
    exports = Path(os.environ.get("TRICKLIFT_EXPORTS", "exports"))
    level: Level = "wrong" if os.path.isfile(root) else "note"
    yield place("data root", root, level, "give another --root (TRICKLIFT_ROOT)")
    yield place("runs", out, "wrong", "give another folder (--runs of doctor, --out of a run)")
    yield place("exports", exports, "note", "set TRICKLIFT_EXPORTS to another folder")
    temporary = "set TMPDIR to a folder with room"
    try:
        yield place(
            "temporary", Path(tempfile.gettempdir()), "wrong", temporary, ROOM_FOR_TEMPORARY
        )
    except FileNotFoundError:
        yield Finding("temporary", "no folder can be written", "wrong", temporary)
    weights = (
        "timm's weights (--pretrained timm/NAME) cannot be kept: set HF_HOME to another folder"
    )
    yield place("Hugging Face cache", huggingface(), "note", weights)
    weights = "torchvision's weights cannot be kept: set TORCH_HOME to another folder"
    yield place("torch cache", torch_home(), "note", weights)


def huggingface() -> Path:
    """Where huggingface_hub keeps what it downloads, as it reads its variables."""
    if named := os.environ.get("HF_HUB_CACHE"):
        return Path(named).expanduser()
    home = os.environ.get("HF_HOME") or _cache() / "huggingface"
    return Path(home).expanduser() / "hub"


def torch_home() -> Path:
    """Where torch keeps what it downloads."""
    return Path(os.environ.get("TORCH_HOME") or _cache() / "torch").expanduser()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())


def place(what: str, folder: Path, level: Level, remedy: str, room: float = ROOM) -> Finding:
    """A folder that is written to, or the nearest one above it that is there."""
    whole = folder.absolute()  # below a folder that may not be entered, nothing can be seen
    there = next(one for one in (whole, *whole.parents) if os.path.exists(one))
    made = "" if there == whole else " (not made yet)"
    if not there.is_dir():
        return Finding(what, f"{folder}: {there} is a file", level, remedy)
    if not _writable(there):
        return Finding(what, f"{folder}{made}: {there} cannot be written", level, remedy)
    free = shutil.disk_usage(there).free
    said = f"{folder}{made}, {free / GB:.1f} GB free"
    if free >= room:
        return Finding(what, said)
    return Finding(what, said, "note", f"free some space there, or {remedy.rpartition(': ')[2]}")


def _writable(folder: Path) -> bool:
    """Tried: for root the rights alone say nothing (a read-only file system, a full quota)."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
