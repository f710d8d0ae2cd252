"""The page written anew whenever a run below the folder has got on."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tricklift.errors import MissingFileError, UserError
from tricklift.records.schema import RESULT_FILE
from tricklift.report.page import write
from tricklift.report.study import PICTURES, Study, read
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
    is waited for. A question that the finished rows do not allow yet (the baseline is still to
    come, no seeds to pair) is told once, and the usual one takes its place until they do; at the
    end it is told again, where they never did.

    Args:
        folder: Of the runs.
        out: The page.
        question: What is asked of them.
        say: Is told of each page, and at the end where it lies.
        pause: Seconds between looks.
        pictures: Images of data, see `Study`.
        until: Whether it is enough; Ctrl-C, too, ends it.

    Raises:
        UserError: A file that is no result.
    """
    seen: object = None
    told = False
    try:
        while True:
            ended = until()  # before the look at the files, which then misses none
            now = _state(folder)
            if now and now != seen:
                seen = now
                study = read(folder, question, live=True, pictures=pictures, say=say)
                if (why := _refused(study)) and not told:
                    told = True
                    say(f"{why}; until then the page has the usual baseline")
                write(_allowed(study), out)
                say(f"{out}: {len(study.done)} of {len(study.records)} runs done")
            elif not now and seen is None:
                seen = ()
                say(f"waiting for a run in {folder}")
            if ended:
                return
            time.sleep(pause)
    finally:
        try:
            study = read(folder, question, pictures=pictures, say=say)
            write(_allowed(study), out)  # no longer loads itself
            if why := _refused(study):
                say(f"{why}; so the page has the usual baseline")
            say(f"done: {out}")
        except MissingFileError:
            say("no run has begun: no page was written")


def _refused(study: Study) -> str:
    """Why the finished rows do not allow what is asked of them; empty where they do."""
    try:
        _ = study.analysis if study.lines else None
    except UserError as error:
        return str(error)
    return ""


def _allowed(study: Study) -> Study:
    """The study, with the usual question where the finished rows do not allow its own."""
    if not _refused(study):
        return study
    usual = replace(study.question, baseline=None)
    return replace(study, question=usual, _families={})


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
