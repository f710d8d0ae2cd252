"""A job ends with the process that started it, however that one ended: killed, or out of memory.

A parent that is killed can stop nobody. So it holds one end of a pipe open, and each job has a
thread that waits for its close.
"""

import os
import signal
import threading
from collections.abc import Callable, MutableMapping

#: In the environment of a job that was started cold: its standard input is that pipe.
TIED = "TRICKLIFT_TIED"
STDIN = 0


def end_after(gone: Callable[[], object]) -> None:
    """Ends this process, as `Children.stop` would, once `gone` returns."""

    def watch() -> None:
        gone()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="ends with its parent", daemon=True).start()


def tie(environment: MutableMapping[str, str] = os.environ) -> None:
    """Ends this process with its parent, if it is a job that was started cold."""
    if environment.pop(TIED, None):  # what this process starts is not tied to its stdin
        end_after(lambda: os.read(STDIN, 1))
