"""The child process of a job: started, its output kept, stopped, and killed with all it started."""

import contextlib
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from io import FileIO
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from tricklift.errors import refused_by_system
from tricklift.suite import warm
from tricklift.suite.jobs import TRICKLIFT
from tricklift.suite.parent import GRACE, TIED

#: How long a look for new output waits at most; an end without one is seen this late.
LOOK = 1.0
#: Begins the line of the log above each attempt.
ATTEMPT = "# attempt "
#: How torchrun begins a line of its own, and what it says of a process.
TORCHRUN = re.compile(r"[WE]\d{4} .*torch/distributed/elastic/multiprocessing/")
FAILED = re.compile(TORCHRUN.pattern + r".* failed \(exitcode: (-?\d+)\)")

_starting = threading.Lock()


class LogNotWritten(Exception):
    """What a job says cannot be kept: the disk is full, or the folder is gone."""


class Child:
    """A process of a job.

    Args:
        command: Its command line; our own commands end by themselves when this process is gone.
        environment: All of it.
        from_server: Fork it from a process that has imported what trainings need, see `warm`.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], from_server: bool = False
    ) -> None:
        own, count = tuple(command[: len(TRICKLIFT)]) == TRICKLIFT, len(TRICKLIFT)
        self.returncode: int | None = None
        self._process: subprocess.Popen[bytes] | warm.WarmJob
        with _starting:
            if own and from_server:
                self._process = warm.WarmJob(command[count:], environment)
            else:
                self._process = subprocess.Popen(
                    command,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.PIPE if own else subprocess.DEVNULL,
                    env={**environment, **({TIED: "1"} if own else {})},
                    start_new_session=True,  # Ctrl-C is for the front door alone
                )
        assert self._process.stdout is not None and self._process.pid is not None
        self.pid: int = self._process.pid
        self._output: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        with self._lock:
            if self.returncode is None:
                self.returncode = self._process.poll()
            return self.returncode

    def terminate(self, number: int = signal.SIGTERM) -> None:
        """Ask it to end, and it alone: what it started is its own to end."""
        self._send([self.pid], number)

    def kill(self) -> None:
        """End it and all that it started."""
        if self.poll() is None:
            self._send([*descendants(self.pid), self.pid], signal.SIGKILL)

    def _send(self, pids: Collection[int], number: int) -> None:
        with self._lock:
            if self.returncode is None:  # its number is not yet another's
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)

    def follow(self, log: Path, title: str) -> None:
        """Adds a title and what it prints to `log` until it ends.

        Raises:
            LogNotWritten: It was killed for that.
        """
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab", buffering=0) as file:
                _write(file, f"{ATTEMPT}{title}\n".encode())
                for chunk in self._chunks():
                    _write(file, chunk)
        except OSError as error:
            error.filename = error.filename or str(log)
            raise LogNotWritten(f"its log cannot be written: {refused(error)}") from None
        finally:
            self.kill()
            self._end()

    def _chunks(self) -> Iterator[bytes]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while True:
                if selector.select(LOOK):
                    chunk = os.read(self._output.fileno(), 1 << 16)
                    if not chunk:
                        break
                    yield chunk
                elif self.poll() is not None:
                    return  # what it started holds its output open
        while self.poll() is None:  # it closed its output, and may go on
            time.sleep(0.02)

    def _end(self) -> None:
        while self.poll() is None:
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # what it left behind in its group
        self._output.close()
        if isinstance(self._process, subprocess.Popen) and self._process.stdin:
            self._process.stdin.close()


def _write(file: FileIO, data: bytes) -> None:
    """All of it, to a file without a buffer."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def refused(error: OSError) -> str:
    """What the system said of a file, with what to do where that is known."""
    return refused_by_system(error) or f"{error.filename}: {error.strerror}"


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that these did; Linux tells."""
    children: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            parent = int(file.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(file.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found[1:]


def stop(children: Sequence[Child], grace: float = GRACE) -> list[Child]:
    """Asks processes to end, and kills those that have not after `grace` seconds; returns these."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + grace
    while any(child.poll() is None for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [child for child in children if child.poll() is None]
    for child in left:
        child.kill()
    return left


def last_lines(log: Path, most: int = 15) -> list[str]:
    """The end of a log's last attempt, as it stands there."""
    return _last_attempt(log)[-most:]


def last_words(log: Path) -> str:
    """The line of a log's last attempt that says what went wrong."""
    lines = [line.strip() for line in _last_attempt(log)]
    errors = [
        line for line in lines[-30:] if re.match(r"(error: |\w*Error\b|\w+\.\w*Error\b)", line)
    ]
    return (errors or lines or ["no output"])[-1].removeprefix("error: ")


def code_of(log: Path, code: int) -> int:
    """The exit code of the first process that failed; torchrun's own is always 1."""
    found = next(filter(None, map(FAILED.search, _end(log))), None)
    return int(found[1]) if found and code == 1 else code


def _last_attempt(log: Path) -> list[str]:
    """The lines of a log since its last command, without what torchrun says of a failure."""
    return list(takewhile(lambda line: not TORCHRUN.match(line), _end(log)))


def _end(log: Path, most: int = 1 << 16) -> list[str]:
    """The lines of a log since its last command, from its end alone."""
    if not log.is_file():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - most))
        lines = file.read().decode(errors="replace").splitlines()
    begins = [number for number, line in enumerate(lines) if line.startswith((ATTEMPT, "$ "))]
    return [line for line in lines[begins[-1] + 1 if begins else 0 :] if line.strip()]


def killed_by(code: int) -> str:
    """What to say of an exit code below 0, which is that of a signal: `was killed by SIGTERM`."""
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
