"""What runs on the cluster: `tricklift work`, watched by submitit, which queues it again in time.

Slurm signals the first process of the job before its time is over, and clusters that pre-empt with
a warning do so too. submitit then calls `Work.checkpoint`, and queues the job again. This file is
imported there and nothing heavy with it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from signal import SIGUSR1
from typing import Any

from tricklift.errors import STOPPED, USER_ERROR

#: So many times in a row may a job be stopped before it could save anything.
UNSAVED = 3


class Work:
    """A job of ours inside a job of Slurm's.

    Args:
        command: Brings our job to its end, see `tricklift.suite.work`.
        retries: After so many errors it is tried again, here.
        patience: Seconds that a training gets to save.
        unsaved: How often it was stopped before it could save.
    """

    def __init__(
        self, command: Sequence[str], retries: int, patience: float, unsaved: int = 0
    ) -> None:
        self.command, self.retries, self.patience = list(command), retries, patience
        self.unsaved = unsaved
        self._pid = 0

    def __call__(self) -> None:
        """Runs it to its end; leaves with its exit code where that is not 0."""
        for left in range(self.retries, -1, -1):
            with subprocess.Popen(self.command) as child:
                self._pid = child.pid
                _ended(child.pid, None)
                code = child.wait()
            if code in (0, STOPPED, USER_ERROR) or not left:
                break
            print(f"exit code {code}: trying again, {left - 1} more after that", flush=True)
        if code:
            sys.exit(code if code > 0 else 128 - code)

    def checkpoint(self) -> Any:
        """Called in the signal's handler: has the training save; returns what is queued again.

        None, and with it the job's failure, where it never gets to save. A job that ends just now
        ends well: nothing is queued again.
        """
        from submitit.helpers import DelayedSubmission

        code = None
        if self._pid:  # 0 would be all processes around this one
            with suppress(ProcessLookupError):
                os.kill(self._pid, SIGUSR1)
            code = _ended(self._pid, self.patience)
        if code == 0:
            os._exit(0)
        unsaved = 0 if code == STOPPED else self.unsaved + 1
        if unsaved >= UNSAVED:
            print(
                f"stopped {unsaved} times in a row before it could save: give more --time",
                flush=True,
            )
            return None
        return DelayedSubmission(Work(self.command, self.retries, self.patience, unsaved))


def _ended(pid: int, seconds: float | None) -> int | None:
    """Waits for a child to end, and leaves it to be waited for by `Popen`.

    `Popen.wait` takes a lock, which the code that a signal interrupted may hold.

    Args:
        pid: Of the child.
        seconds: How long; None: without end.

    Returns:
        Its exit code; None where it still runs, or its end was seen before.
    """
    poll = os.WEXITED | os.WNOWAIT | (0 if seconds is None else os.WNOHANG)
    end = time.monotonic() + (seconds or 0)
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_PID, pid, poll)) is None:
            if time.monotonic() > end:
                return None
            time.sleep(0.2)
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    return None
