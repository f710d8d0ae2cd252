"""The child processes of jobs: started, followed line by line, and stopped together."""

import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from tricklift.errors import DEBUG
from tricklift.records.machine import cores
from tricklift.suite import warm
from tricklift.suite.board import Board
from tricklift.suite.jobs import TRICKLIFT
from tricklift.suite.parent import TIED

#: Lines of mmengine's log that say how far a run is.
PROGRESS = re.compile(r"(Epoch|Iter)\((train|val|test)\).*")

Child = subprocess.Popen[str] | warm.WarmJob


class Children:
    """The processes of the running jobs, which share the cores and can be stopped together.

    Our own commands end by themselves when this process is gone.

    Args:
        max_parallel: How many run at a time.
    """

    def __init__(self, max_parallel: int = 1) -> None:
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1", DEBUG: "1"}
        if max_parallel > 1:
            share = max(1, cores() // max_parallel)
            self.environment.setdefault("OMP_NUM_THREADS", str(share))
        self._started: list[Child] = []
        self._lock = threading.Lock()
        self._stopped = False

    def start(self, command: Sequence[str]) -> Child:
        """Start a process whose output can be read line by line; our own commands start warm."""
        own, count = tuple(command[: len(TRICKLIFT)]) == TRICKLIFT, len(TRICKLIFT)
        child: Child
        with self._lock:
            if own and warm.possible():
                child = warm.WarmJob(command[count:], self.environment)
            else:
                child = subprocess.Popen(
                    command,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.PIPE if own else subprocess.DEVNULL,
                    text=True,
                    errors="replace",
                    env=self.environment | ({TIED: "1"} if own else {}),
                )
            self._started.append(child)
            if self._stopped:
                child.terminate()
            return child

    def stop(self) -> None:
        """End all that still run (to others it does nothing), and those that may still start."""
        with self._lock:
            self._stopped = True
            for child in self._started:
                child.terminate()


def follow(command: Sequence[str], log: Path, title: str, board: Board, children: Children) -> int:
    """Starts a process, keeps all that it prints in `log`, shows where it is; returns its code."""
    log.parent.mkdir(parents=True, exist_ok=True)
    board.now(title, "starting")
    with log.open("a", encoding="utf-8") as file, children.start(command) as process:
        assert process.stdout is not None
        print(f"$ {shlex.join(command)}", file=file, flush=True)
        for line in process.stdout:
            print(line, end="", file=file, flush=True)
            if found := PROGRESS.search(line):
                board.now(title, condensed(found[0]))
    assert process.returncode is not None, "leaving the block waits for it"
    return process.returncode


def condensed(line: str) -> str:
    """mmengine's progress line without what only a developer wants."""
    kept = re.sub(r"\s+(base_lr|time|data_time|memory|grad_norm): \S+", "", line)
    return re.sub(r"\s+", " ", kept)[:120]


def last_words(log: Path) -> str:
    """The line of a log's last attempt that says what went wrong."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    begins = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    lines = [line for line in lines[begins[-1] + 1 if begins else 0 :] if line]
    errors = [
        line for line in lines[-30:] if re.match(r"(error: |\w*Error\b|\w+\.\w*Error\b)", line)
    ]
    return (errors or lines or ["no output"])[-1].removeprefix("error: ")


def killed_by(code: int) -> str:
    """What to say of an exit code below 0, which is that of a signal: `was killed by SIGTERM`."""
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
