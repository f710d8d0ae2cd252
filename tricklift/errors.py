"""Errors that a user can cause: one clear line and exit code 2; `TRICKLIFT_DEBUG=1` shows where."""

import difflib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

#: Exit code of every command that was given something it cannot work with.
USER_ERROR = 2
#: Exit code of a command that was stopped by Ctrl-C.
STOPPED = 130
#: How a training that was stopped goes on.
RESUMES = "with --resume the command goes on from the last checkpoint"


class UserError(ValueError):
    """What a user can cause and mend: says what was given, what is allowed and what to do."""


class MissingFileError(UserError, FileNotFoundError):
    """A file or folder that a user named, or that a config needs, is not there."""


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


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest of `known` in any case, or an empty string."""
    lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower(), lower, n=1)
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
        kinds = ("UserError:", "MissingFileError:", "DownloadError:", "tricklift.errors.")
        said = [i for i, line in enumerate(lines) if i > start and line.startswith(kinds)]
        lines = lines[said[-1] :] if said else lines[-1:]
        lines[0] = lines[0].partition(": ")[2] or lines[0]
    return " ".join(lines) or type(error).__name__


@contextmanager
def stoppable(advice: str = "") -> Iterator[None]:
    """Turns Ctrl-C into `stopped; <advice>` on stderr and `SystemExit(130)`."""
    try:
        yield
    except KeyboardInterrupt:
        print("; ".join(filter(None, ("stopped", advice))), file=sys.stderr)
        raise SystemExit(STOPPED) from None


@contextmanager
def report_user_errors() -> Iterator[None]:
    """Turns a user's error into one line on stderr and `SystemExit(2)`; Ctrl-C into 130."""
    try:
        with stoppable():
            yield
    except JobFailed as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.code if error.code in (USER_ERROR, STOPPED) else 1) from None
    except UserError as error:
        if os.environ.get("TRICKLIFT_DEBUG") == "1":
            raise
        print(f"error: {one_line(error)}", file=sys.stderr)
        raise SystemExit(USER_ERROR) from None
