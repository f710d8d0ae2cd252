"""The page written anew whenever a run below the folder has got on."""

import time
from collections.abc import Callable
from pathlib import Path

from tricklift.errors import MissingFileError
from tricklift.records.schema import RESULT_FILE
from tricklift.report.page import write
from tricklift.report.study import PICTURES, read
from tricklift.tables.analysis import Question
from tricklift.tables.records import walk

#: Seconds between looks at the result files.
PAUSE = 2.0


def watch(
    folder: Path,
    out: Path,
    question: Question,
    say: Callable[[str], None],
    pause: float = PAUSE,
    pictures: int = PICTURES,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Writes the page at once and after each change, until it is stopped; then a last time.

    While it watches, the page loads itself anew. A folder that is not there yet, or has no result,
    is waited for.

    Args:
        folder: Of the runs.
        out: The page.
        question: What is asked of them.
        say: Is told of each page.
        pause: Seconds between looks.
        pictures: Images of data, see `Study`.
        until: Whether it is enough; Ctrl-C, too, ends it.

    Raises:
        UserError: A file that is no result, or a question that the rows do not allow.
    """
    seen: object = None
    try:
        while True:
            now = _state(folder)
            if now and now != seen:
                seen = now
                study = read(folder, question, live=True, pictures=pictures, say=say)
                write(study, out)
                say(f"{out}: {len(study.done)} of {len(study.records)} runs done")
            elif not now and seen is None:
                seen = ()
                say(f"waiting for a run in {folder}")
            if until():
                return
            time.sleep(pause)
    finally:
        try:
            write(read(folder, question, pictures=pictures, say=say), out)  # no longer loads itself
        except MissingFileError:
            say("no run has begun: no page was written")


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """The result files, and when each was written last."""
    found = []
    for file in sorted(walk(folder, RESULT_FILE)):
        try:
            about = file.stat()
        except FileNotFoundError:  # moved away while we look
            continue
        found.append((str(file), about.st_mtime_ns, about.st_size))
    return tuple(found)
