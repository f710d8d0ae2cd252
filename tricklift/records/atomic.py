"""Write files that appear whole or not at all, and read what other runs wrote.

A run that dies while writing must not leave a file that a later run takes for complete. So the
data goes to a temporary file beside the target (same file system), then `os.replace` puts it in
place in one step.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.records import plain_files

#: Bytes of a JSON file that is read; manifests list the files of a data set.
_MOST = 1 << 30


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it becomes `path`, on error it is removed.

    Missing parent folders are created. The temporary name keeps the suffix of `path`, for writers
    that choose their format by suffix. An existing file stays untouched until the last step and
    keeps its permissions; a new one gets those the umask gives.

    Raises:
        UserError: `path` is a folder.
    """
    target = Path(path)
    if target.is_dir():
        raise UserError(f"cannot write {target}: it is a folder; name a file in it")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name}.", suffix=f".tmp{target.suffix}"
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, _mode(target))
        with temporary.open("rb") as file:  # on the disk, so that a crash leaves no empty file
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: str | os.PathLike[str], pattern: str = "*") -> list[Path]:
    """Removes what writers that were killed left in a folder.

    Args:
        folder: That nobody else writes into.
        pattern: Of the names of the files that they were to write.

    Returns:
        What was removed.
    """
    left = [path for path in Path(folder).glob(f".{pattern}.????????.tmp*") if path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return left


def _sync_folder(folder: Path) -> None:
    """Puts a new name on the disk, where the file system can be asked for that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` (UTF-8) to `path`, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object in a file, {} where there is none that can be read."""
    try:
        held = plain_files.read_json(path, most_bytes=_MOST)
    except (OSError, UserError):
        return {}
    return held if isinstance(held, dict) else {}


def _mode(target: Path) -> int:
    """The permissions of `target`, or those a new file would get."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
