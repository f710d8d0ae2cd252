"""Where running jobs are: a line for each on a terminal, a line now and then in a log."""

import threading
import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

#: Without a terminal, one progress line of a job in this many seconds.
QUIET_SECONDS = 20.0


class Board:
    """Shows what several threads report; a context manager.

    Args:
        console: Where to; by default the standard output.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._lines: dict[str, str] = {}
        self._shown: dict[str, float] = {}
        self._lock = threading.Lock()
        self._spinner = Spinner("dots")
        self._live = Live(
            console=self.console, get_renderable=self._render, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> "Board":
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def say(self, text: str, result: str = "") -> None:
        """Print a line that stays, with what came out in bold."""
        tail = f"  [bold]{escape(result)}[/bold]" if result else ""
        self.console.print(escape(text) + tail, highlight=False, soft_wrap=True)

    def now(self, title: str, words: str) -> None:
        """Report where a job is; may be called often and from any thread."""
        with self._lock:
            self._lines[title] = words
            last = self._shown.setdefault(title, time.monotonic())
            due = time.monotonic() - last >= QUIET_SECONDS
            if self.console.is_terminal or not due:
                return
            self._shown[title] = time.monotonic()
        self.say(f"{title}: {words}")

    def over(self, title: str) -> None:
        """A job is no longer running."""
        with self._lock:
            self._lines.pop(title, None)
            self._shown.pop(title, None)

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 1))
        with self._lock:
            for title, words in self._lines.items():
                table.add_row(self._spinner, f"{escape(title)}: {escape(words)}")
        return table
