"""Write files that appear whole or not at all.

A run that dies while writing must not leave a file that a later run takes for complete. So the
data goes to a temporary file beside the target (same file system), then `os.replace` puts it in
place in one step.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tricklift.errors import UserError

__all__ = ["replacing", "write_bytes", "write_text"]


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
        _flush(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` (UTF-8) to `path`, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _mode(target: Path) -> int:
    """Return the permissions of `target`, or those a new file would get."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _flush(path: Path) -> None:
    """Push the file to the disk, so that a crash after the rename does not show an empty file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
