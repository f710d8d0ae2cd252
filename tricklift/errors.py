"""How a command ends: a user's error in its own words, code 2; all else by its traceback, code 1.

`TRICKLIFT_DEBUG=1` shows the traceback of a user's error too; the jobs of `tricklift run` have it.
"""

import difflib
import errno
import os
import platform
import re
import signal
import sys
import threading
import traceback
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version

#: Exit code of every command that was given something it cannot work with.
USER_ERROR = 2
#: Exit code of a command that was stopped by Ctrl-C.
INTERRUPTED = 130
#: Exit code of a training or run that SIGTERM or SIGUSR1 stopped: what it had is saved, and the
#: same call goes on from there. A scheduler may call it again.
STOPPED = 85
#: Part of what such a training says; under torchrun, which hides its exit code, it tells.
SAVED = "a checkpoint is saved"
#: How to resume a training that was stopped.
RESUMES = "add --resume to the same command to resume from the last checkpoint"
#: In the environment: `1` shows the traceback of a user's error.
DEBUG = "TRICKLIFT_DEBUG"

#: Functions that fail so, where a folder for output cannot be made.
_MAKES = ("mkdir", "makedirs", "mkstemp")
_ELSEWHERE = "give another path, or change who may write there"
_KINDS = "a file is where a folder is needed, or the other way about; give another path"
_SPACE = "free some, or give another path, and rerun the same command"
#: What the system may refuse on account of a path that a user gave, with what to do.
_SYSTEM = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _ELSEWHERE),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _SPACE),
    **dict.fromkeys((errno.ENOTDIR, errno.EISDIR, errno.EEXIST), _KINDS),
    **dict.fromkeys((errno.ELOOP, errno.EINVAL, errno.EIO, errno.ENXIO, errno.EBUSY), _ELSEWHERE),
    errno.ENAMETOOLONG: "give a shorter one",
}


class UserError(ValueError):
    """What a user can cause and mend: says what was given, what is allowed and what to do.

    Attributes:
        findings: Each fault by itself, where one error stands for several.
    """

    findings: tuple[str, ...] = ()


class ListedError(UserError):
    """A mistake of several parts: what it is and what to do in one line, then a line for each.

    Args:
        message: The first line.
        findings: The other lines.
    """

    def __init__(self, message: str, findings: Sequence[str] = ()) -> None:
        super().__init__("\n".join([message, *(f"  {line}" for line in findings)]))
        self.findings = tuple(findings)


class MissingFileError(UserError, FileNotFoundError):
    """A file or folder that a user named, or that a config needs, is not there."""


class BadPictureError(UserError):
    """A picture cannot be read, or would be read wrongly; ``on_bad_image='skip'`` leaves it out."""


class DownloadError(UserError, ConnectionError):
    """An address cannot be reached, or sends something else than what was asked for."""


class JobFailed(Exception):
    """A job of `tricklift run` ended with an error.

    Attributes:
        code: Exit code of its process.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Terminated(KeyboardInterrupt):
    """The process was asked to end, by SIGTERM."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest of `known` in any case, or an empty string.

    Where none is close as a whole, that is one whose beginning is.
    """
    lower, word = {name.lower(): name for name in known}, given.lower()
    close = difflib.get_close_matches(word, lower, n=1)
    if not close and len(word) > 2:
        begun = {name[: len(word) + 1]: name for name in reversed(lower)}
        close = [begun[part] for part in difflib.get_close_matches(word, begun, n=1, cutoff=0.75)]
    return f"; did you mean {lower[close[0]]!r}?" if close else ""


def one_line(error: BaseException) -> str:
    """The message of an error on one line.

    A KeyError's quotes are taken off, and of an error that a data worker passed on, what the worker
    said is kept without its traceback.
    """
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if "Original Traceback" in text:
        start = next(i for i, line in enumerate(lines) if line.startswith("Original Traceback"))
        kinds = (
            "UserError:",
            "MissingFileError:",
            "BadPictureError:",
            "DownloadError:",
            "tricklift.errors.",
        )
        said = [i for i, line in enumerate(lines) if i > start and line.startswith(kinds)]
        lines = lines[said[-1] :] if said else lines[-1:]
        lines[0] = lines[0].partition(": ")[2] or lines[0]
    return printable(" ".join(lines)) or type(error).__name__


def told(error: BaseException) -> str:
    """The message of an error as it is printed: on one line, unless it is a list."""
    if not isinstance(error, ListedError):
        return one_line(error)
    return "\n".join(printable(line) for line in str(error).splitlines())


#: No path, and nothing that anybody reads.
_LONG = re.compile(r"\S{1000,}")


def printable(text: str) -> str:
    """Text with words of a file, such that it steers no terminal: `\\x1b` for an escape."""
    text = _LONG.sub(lambda word: f"{word[0][:80]}... ({len(word[0]):,} letters)", text)
    if text.isprintable():
        return text
    odd = ("Cc", "Cf", "Cs")  # controls, changes of direction, half characters
    return "".join(c if unicodedata.category(c) not in odd else ascii(c)[1:-1] for c in text)


@contextmanager
def stoppable(advice: str | Callable[[], str] = "") -> Iterator[None]:
    """Turns Ctrl-C into `stopped; <advice>` on stderr and `SystemExit(130)`, SIGTERM into 85.

    Advice that depends on how far the block came is asked for when it was stopped.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        words = advice if isinstance(advice, str) else advice()
        print("; ".join(filter(None, ("stopped", words))), file=sys.stderr)
        code = STOPPED if isinstance(error, Terminated) else INTERRUPTED
        raise SystemExit(code) from None


@contextmanager
def ends_on_sigterm() -> Iterator[None]:
    """Makes SIGTERM raise `Terminated` in the block, as Ctrl-C raises KeyboardInterrupt."""

    def end(number: int, frame: object) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def refused_by_system(error: BaseException) -> str | None:
    """What to tell the user of an OSError about rights, space or a path's kind; None for others.

    Of a folder or file that cannot be made, whatever the system says of it.
    """
    if not isinstance(error, OSError):
        return None
    if error.errno not in _SYSTEM:
        frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
        if not error.filename or not frames or frames[-1] not in (*_MAKES, "_mkstemp_inner"):
            return None
        return f"{error.filename}: {error.strerror}; it cannot be made: {_ELSEWHERE}"
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}; {_SYSTEM[error.errno]}"


@contextmanager
def report_user_errors() -> Iterator[None]:
    """Ends the process as its error asks: 2 with its words for a user's, 130 for Ctrl-C, else 1."""
    try:
        with stoppable():
            yield
    except JobFailed as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.code if error.code in (USER_ERROR, INTERRUPTED) else 1) from None
    except Exception as error:
        said = told(error) if isinstance(error, UserError) else refused_by_system(error)
        if said is None or os.environ.get(DEBUG) == "1":
            traceback.print_exc()
        if said is None:
            print(f"\n{_unknown()}", file=sys.stderr)
            raise SystemExit(1) from None
        print(f"error: {said}", file=sys.stderr)
        raise SystemExit(USER_ERROR) from None


def _unknown() -> str:
    versions = [f"Python {platform.python_version()}"]
    for name in ("tricklift", "torch", "mmengine"):
        with suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    return (
        "This is no mistake that tricklift knows, but a bug in it, in a library, or in code of "
        f"your own. To report it, give the command, the lines above, and: {', '.join(versions)}"
    )
