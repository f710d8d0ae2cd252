"""One process at a time: a lock on a file, which ends with the process that holds it.

The locks are POSIX's (`fcntl.lockf`): a process that takes one again has it already, and a forked
data worker does not inherit it. Where there are none (Windows, some network file systems), two at
once are the user's affair.
"""

import errno
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tricklift.errors import UserError
from tricklift.records.schema import LOCK_FILE

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

#: (process, file) -> its open file. POSIX drops a lock as soon as its process closes the file by
#: any handle, so a file whose lock is held is never opened a second time.
_held: dict[tuple[int, Path], TextIO] = {}


def of_run(work_dir: str | Path) -> tuple[Path, str]:
    """The lock of a work dir, and what its holder does."""
    return Path(work_dir) / LOCK_FILE, f"trains in {work_dir}"


def take(file: Path, what: str | None = None) -> bool:
    """Take a lock until `release`, or until this process ends.

    Args:
        file: Is created, with its folder; says who holds the lock.
        what: What its holder does, for the error. None: wait until the lock is free.

    Returns:
        Whether it is newly taken; False where this process has it already.

    Raises:
        UserError: Another process holds it, and `what` is given.
    """
    key = os.getpid(), file.resolve()
    if fcntl is None or key in _held:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = file.open("a+", encoding="utf-8")
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | (fcntl.LOCK_NB if what is not None else 0))
    except OSError as error:
        handle.seek(0)
        holder = handle.read().strip()
        handle.close()
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            return False  # a file system without locks
        who = f"another process ({holder})" if holder else "another process"
        raise UserError(f"{who} {what}; wait for it, or end it") from None
    except BaseException:  # Ctrl-C while it waits
        handle.close()
        raise
    _held[key] = handle
    handle.truncate(0)
    print(f"{os.getpid()} on {platform.node()}", file=handle, flush=True)
    return True


def release(file: Path) -> None:
    """Give back a lock, if this process has it."""
    handle = _held.pop((os.getpid(), file.resolve()), None)
    if handle is not None:
        handle.close()


def is_held(file: Path) -> bool:
    """Whether some process has a lock; False where there are none."""
    if fcntl is None or (os.getpid(), file.resolve()) in _held:
        return fcntl is not None
    try:
        with file.open("r+b") as handle:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EAGAIN)
    return False


@contextmanager
def alone(file: Path, what: str | None = None) -> Iterator[None]:
    """Hold a lock for a block; see `take`. One that was held before stays held."""
    mine = take(file, what)
    try:
        yield
    finally:
        if mine:
            release(file)
