"""Where running jobs are: a table on a terminal, a line now and then in a log; and what is said."""

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from tricklift.markdown import duration
from tricklift.suite import graph
from tricklift.suite.status import Where, counted, where

#: Without a terminal, one progress line of a job in this many seconds.
QUIET_SECONDS = 20.0
#: A terminal's table is read anew after this many seconds.
FRESH_SECONDS = 2.0
#: So many jobs are listed in full.
MOST = 100
COLORS = {
    "done": "green",
    "running": "cyan",
    "failed": "red",
    "blocked": "red",
    "stopped": "yellow",
}


class Board:
    """Says what happens to jobs, and shows those that run; a context manager.

    Args:
        out: Output folder, from whose files it is read how far a job is; None shows names alone.
        console: Where to; by default the standard output.
    """

    def __init__(self, out: Path | None = None, console: Console | None = None) -> None:
        self.console = console or Console()
        self._out, self._lock = out, threading.Lock()
        self._entries: dict[str, Mapping[str, Any]] = {}
        self._titles: dict[str, str] = {}
        self._running: dict[str, float] = {}  # when a line of it is due
        self._read, self._table = 0.0, Table.grid()
        self._live = Live(
            get_renderable=self._fresh,
            console=self.console,
            refresh_per_second=1,
            transient=True,
            auto_refresh=self.console.is_terminal,
        )

    def __enter__(self) -> "Board":
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def number(self, names: Sequence[str]) -> None:
        """Give jobs their titles, such as `[3/12] det/random-init/seed0`."""
        total = len(names)
        self._titles = {name: f"[{at}/{total}] {name}" for at, name in enumerate(names, start=1)}
        if self._out:
            self._entries = {entry["name"]: entry for entry in graph.read(self._out)}

    def say(self, text: str, result: str = "") -> None:
        """Print a line that stays, with what came out in bold."""
        tail = f"  [bold]{escape(result)}[/bold]" if result else ""
        self.console.print(escape(text) + tail, highlight=False, soft_wrap=True)

    def began(self, name: str) -> None:
        """A job runs from now on."""
        with self._lock:
            self._running[name] = time.monotonic() + QUIET_SECONDS
            self._read = 0.0
        if not self.console.is_terminal:
            self.say(f"{self._titles.get(name, name)}: starts")

    def over(self, name: str) -> None:
        """A job runs no longer."""
        with self._lock:
            self._running.pop(name, None)
            self._read = 0.0

    def ended(self, name: str, text: str, result: str = "") -> None:
        """What became of a job."""
        self.say(f"{self._titles.get(name, name)}: {text}", result)

    def tick(self) -> None:
        """Without a terminal: a line of each job whose line is due. Called about once a second."""
        if self.console.is_terminal:
            return
        for name, due in list(self._running.items()):
            if time.monotonic() >= due:
                self._running[name] = time.monotonic() + QUIET_SECONDS
                if one := self._where(name):
                    self.say(f"{self._titles.get(name, name)}: {line(one)}")

    def _where(self, name: str) -> Where | None:
        entry = self._entries.get(name)
        return where(self._out, entry) if entry and self._out else None

    def _fresh(self) -> Table:
        """The table of what runs, not older than `FRESH_SECONDS`."""
        with self._lock:
            if time.monotonic() - self._read >= FRESH_SECONDS:
                shown = [self._where(name) or Where(name, "", "running") for name in self._running]
                self._table, self._read = table(shown, self._titles), time.monotonic()
            return self._table


def line(job: Where) -> str:
    """What there is to say of a job, in one line: `57%, epoch 2/8, 50/93, top1 31.20, ...`."""
    if job.state != "running":
        return job.words
    parts = [f"{job.progress:.0%}"] if job.progress is not None else []
    parts += [job.words or job.state]
    known = {key: value for key, value in job.metrics.items() if value is not None}
    parts += [f"{key} {value:.2f}" for key, value in known.items()]
    if job.images_per_second:
        parts.append(f"{job.images_per_second:.0f} images/s")
    if job.eta is not None:
        parts.append(f"{duration(job.eta)} left")
    return ", ".join(parts)


def table(jobs: Sequence[Where], titles: Mapping[str, str] | None = None) -> Table:
    """A line of each job: its state, how long it has taken, and how far it is or what came out."""
    shown = Table.grid(padding=(0, 2, 0, 0))
    for wraps in (False, True, False, True):
        shown.add_column(overflow="fold", no_wrap=not wraps)
    for job in jobs:
        color = COLORS.get(job.state, "dim")
        shown.add_row(
            f"[{color}]{job.state}[/{color}]",
            escape((titles or {}).get(job.name, job.name)),
            duration(job.seconds) if job.seconds is not None else "",
            escape(line(job)),
        )
    return shown


def page(out: Path, jobs: Sequence[Where]) -> Table:
    """What `tricklift status` shows: the counts, and a line of each job that there is room for."""
    shown = Table.grid()
    shown.add_row(f"{escape(str(out))}: {counted(jobs)}")
    few = len(jobs) <= MOST
    listed = [job for job in jobs if few or job.state not in ("done", "waiting", "queued")]
    shown.add_row(table(listed[:MOST]))
    if len(listed) > MOST:
        shown.add_row(f"... and {len(listed) - MOST} more; --json lists all")
    shown.add_row(f"logs: {escape(str(out))}/logs/<job, with _ for />.log")
    return shown
