"""A full disk or a lost folder stops a run with one error that says what is left.

Why: Python's logging prints a traceback for each line that it cannot write and goes on; the next
part that writes fails with whatever error it has. A work dir that was removed, or whose disk is no
longer mounted, is made anew by the next writer, so the run goes on without what it had saved.
"""

import errno
import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from tricklift.compat.whole_checkpoints import find_whole
from tricklift.errors import UserError

__all__ = ["FolderCheck", "install"]

FULL = (errno.ENOSPC, errno.EDQUOT)
GONE = (errno.ENOENT, errno.ESTALE, errno.ENOTCONN, errno.EIO, errno.EROFS)


class FolderCheck(Hook):
    """Stops a training whose work dir is gone, before anything makes it anew.

    Raises:
        UserError: It is.
    """

    priority = "VERY_HIGH"

    def before_run(self, runner: Any) -> None:
        """Lets the log file hand on that its disk is full."""
        for handler in runner.logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.handleError = _hand_on  # type: ignore[method-assign]

    def after_train_iter(self, runner: Any, *batch: Any, **more: Any) -> None:
        """Looks; microseconds a step."""
        _look(runner)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Looks, also after a long validation."""
        _look(runner)


def _look(runner: Any) -> None:
    if is_main_process() and not os.path.isdir(runner.log_dir):
        raise UserError(
            f"{runner.log_dir} is gone, so nothing of this run can be kept any more: was "
            f"{runner.work_dir} removed, or is its disk no longer there? Bring it back and "
            "resume, or begin anew in another folder"
        )


def _hand_on(record: logging.LogRecord) -> None:
    """Raises what kept a line from being written, where logging would print it and go on."""
    error = sys.exc_info()[1]
    if isinstance(error, OSError):
        raise error


def said(error: OSError, work_dir: str) -> str | None:
    """What a run says of an error of its disk; None for errors that are not about that."""
    lost = error.errno in GONE and not os.path.isdir(work_dir)
    if error.errno not in FULL and not lost:
        return None
    try:
        last, _ = find_whole(Path(work_dir))
    except (OSError, UserError):
        last = None
    where = f"{error.filename}: " if error.filename else ""
    left = f"the last checkpoint, {last}, is whole" if last else "there is no checkpoint yet"
    return (
        f"{where}{error.strerror}: {work_dir} cannot be written; {left}. Free some space there (or "
        "bring the folder back), and add --resume to the same command"
    )


def _reporting(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    def train(self: Any) -> Any:
        try:
            return upstream(self)
        except OSError as error:
            words = None if isinstance(error, UserError) else said(error, self.work_dir)
            if words is None:
                raise
            for handler in self.logger.handlers:
                handler.handleError = lambda record: None
            raise UserError(words) from error

    return train


def install() -> None:
    """Let `Runner.train` say what a full disk or a lost folder means. Idempotent."""
    if not hasattr(Runner.train, "__wrapped__"):
        Runner.train = _reporting(Runner.train)
