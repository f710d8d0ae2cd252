"""A job ends with the process that started it, however that one ended: killed, or out of memory.

A parent that is killed can stop nobody. So it holds one end of a pipe open, and each job has a
thread that waits for its close.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, MutableMapping

#: In the environment of a job that was started cold: its standard input is that pipe.
TIED = "TRICKLIFT_TIED"
STDIN = 0
#: Noted by one that was, for when it becomes another program.
WAS_TIED = "TRICKLIFT_WAS_TIED"
#: A process that does not end within so many seconds after it was asked to is killed.
GRACE = 20.0


def end_after(gone: Callable[[], object]) -> None:
    """Ends this process once `gone` returns: it is asked to, and killed if it does not listen."""

    def watch() -> None:
        gone()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="ends with its parent", daemon=True).start()


def tie(environment: MutableMapping[str, str] = os.environ) -> None:
    """Ends this process with its parent, if it is a job that was started cold."""
    if environment.pop(TIED, None):  # what this process starts is not tied to its stdin
        environment[WAS_TIED] = "1"
        end_after(lambda: os.read(STDIN, 1))


def tie_again(environment: MutableMapping[str, str] = os.environ) -> None:
    """Hands the tie on to what this process becomes, and to what that starts."""
    if environment.pop(WAS_TIED, None):
        environment[TIED] = "1"
