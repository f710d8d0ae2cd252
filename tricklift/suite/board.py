"""Where running jobs are: a line for each on a terminal, a line now and then in a log."""

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn

#: Without a terminal, one progress line of a job in this many seconds.
QUIET_SECONDS = 20.0


class Board(Progress):
    """Shows what several threads report; a context manager.

    Args:
        console: Where to; by default the standard output.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console()
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            refresh_per_second=4,
            transient=True,
            disable=not console.is_terminal,
        )
        self._jobs: dict[str, TaskID] = {}
        self._shown: dict[str, float] = {}

    def say(self, text: str, result: str = "") -> None:
        """Print a line that stays, with what came out in bold."""
        tail = f"  [bold]{escape(result)}[/bold]" if result else ""
        self.console.print(escape(text) + tail, highlight=False, soft_wrap=True)

    def now(self, title: str, words: str) -> None:
        """Report where a job is; may be called often and from any thread."""
        with self._lock:
            if title not in self._jobs:
                self._jobs[title] = self.add_task(title, total=None)
                self._shown[title] = time.monotonic()
            self.update(self._jobs[title], description=f"{title}: {words}")
            due = time.monotonic() - self._shown[title] >= QUIET_SECONDS
            if self.console.is_terminal or not due:
                return
            self._shown[title] = time.monotonic()
        self.say(f"{title}: {words}")

    def over(self, title: str) -> None:
        """A job is no longer running."""
        with self._lock:
            if title in self._jobs:
                self.remove_task(self._jobs.pop(title))
