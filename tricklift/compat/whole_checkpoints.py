"""Which checkpoint a run is resumed from: the last one that is whole.

Why: mmengine takes the name in `last_checkpoint` without a look at the file. A disk that lost the
end of a file, or a run that died between the checkpoint and the note, then ends the resumed run,
or begins it anew, though an older checkpoint is there.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from tricklift.compat.safe_load import DamagedCheckpointError, load_from_disk
from tricklift.errors import UserError

__all__ = ["damage", "find_whole", "held"]

#: mmengine's note of the last checkpoint's path.
NOTE = "last_checkpoint"
#: How an archive begins.
ARCHIVE = b"PK"
#: What a file must hold to be resumed from; the best checkpoints have no optimizer.
RESUMABLE = {"meta", "state_dict", "message_hub", "optimizer"}


def damage(path: Path) -> str | None:
    """What is wrong with the content of a checkpoint file; None if it is whole.

    torch's archives keep a checksum of each tensor. All of the file is read.
    """
    if not path.is_file():
        return "it is not there"
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            archive = file.read(len(ARCHIVE)) == ARCHIVE
        if not archive:  # torch's old format knows no checksum
            load_from_disk(path)
            return None
        with zipfile.ZipFile(path) as parts:
            bad = parts.testzip() if torch.serialization.get_crc32_options() else None
        return f"the checksum of {bad} is wrong" if bad else None
    except DamagedCheckpointError:
        return f"its {size} bytes are no checkpoint"
    except (zipfile.BadZipFile, EOFError) as error:
        return f"its {size} bytes cannot be read ({error})"


def held(path: Path | str) -> dict[str, Any]:
    """What a whole checkpoint holds, without its tensors being read."""
    found: dict[str, Any] = load_from_disk(path, map_location="cpu", mmap=True)
    return found


def find_whole(work_dir: Path) -> tuple[Path | None, list[str]]:
    """The last checkpoint of a work dir that is whole.

    Args:
        work_dir: Of the run.

    Returns:
        Its path, None where there never was one; and of each damaged one that was passed over, a
        line that says so.

    Raises:
        DamagedCheckpointError: There are some, and none is whole.
    """
    found, complaints, passed = None, [], []
    for path in _candidates(work_dir):
        wrong = damage(path)
        if wrong is None:
            found = path
            break
        if path.is_file():
            complaints.append(f"{path} is damaged: {wrong}")
            passed.append(path)
    if complaints and found is None:
        raise DamagedCheckpointError(
            f"{'; '.join(complaints)}; there is no other checkpoint to resume from: remove "
            f"{'it' if len(passed) == 1 else 'them'} and {work_dir / NOTE} to train from the start"
        )
    return found, [f"{line}; resuming from {found}" for line in complaints]


def _candidates(work_dir: Path) -> Iterator[Path]:
    """The checkpoint that the note names, then others that can be resumed from, newest first."""
    note = work_dir / NOTE
    text = note.read_text(encoding="utf-8", errors="replace").strip() if note.is_file() else ""
    named = Path(text) if text and "\0" not in text else None
    if named is not None:
        here = work_dir / named.name  # the folder may have been moved or copied since
        named = here if here.is_file() else named
        yield named
    steps: list[tuple[int, int, Path]] = []
    damaged = []
    for path in work_dir.glob("*.pth"):
        if path == named or path.name.startswith((".", "best_")):
            continue
        try:
            content = held(path)
        except UserError:
            damaged.append(path)
            continue
        if isinstance(content, dict) and content.keys() >= RESUMABLE:
            meta = content["meta"]
            steps.append((meta["iter"], meta["epoch"], path))
    yield from (path for *_, path in sorted(steps, reverse=True))
    if not steps:  # nothing else to say of this folder
        yield from damaged
