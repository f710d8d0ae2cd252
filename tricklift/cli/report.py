"""`tricklift report`: one HTML file about the runs in a folder."""

import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tricklift.cli.options import WHERE, Baseline, Finished, Paired, Variance
from tricklift.errors import MissingFileError, UserError, ends_on_sigterm

if TYPE_CHECKING:
    from tricklift.tables.analysis import Question

#: Of the report that is written into a folder.
NAME = "report.html"


def report(
    folder: Finished,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help=f"{WHERE}: a file.  [default: FOLDER/report.html]"),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Keep it up to date: until all jobs have ended."),
    ] = False,
    baseline: Baseline = None,
    paired: Paired = None,
    variance: Variance = "pooled",
    pictures: Annotated[
        int,
        typer.Option(
            min=0,
            max=100,
            help="Images of the data on which two rows are shown beside each other, in each task; "
            "0 leaves all pictures of data out.",
        ),
    ] = 12,
) -> None:
    """Write one HTML file about the runs in a folder: open it, send it, print it.

    It holds the answer in a sentence, the transfer table (to sort and to filter), figures, cost and
    protocol, and asks nothing of a server or a network. `run` and `demo` write it at their end.

    \b
    While a run goes on, in a second terminal (it ends when all jobs have, or at Ctrl-C):
      tricklift report runs/small --watch

    How to read it: docs/report.md.
    """
    from tricklift.tables.analysis import Question

    question = Question(baseline, None, paired, variance)
    if not watch:
        _say(f"done: {write(folder, out, question, pictures)}")
        return
    from tricklift.report.watch import watch as keep

    out = out or folder / NAME
    if out.is_dir():
        raise UserError(f"--out takes a file, and {out} is a folder; give {out / NAME}")
    with suppress(KeyboardInterrupt), ends_on_sigterm():
        keep(folder, out, question, _say, pictures=pictures, until=partial(_has_ended, folder))


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _has_ended(folder: Path) -> bool:
    """Whether the jobs of a `tricklift run` have; of a folder without any it is not known."""
    from tricklift.suite.status import have_ended, look

    try:
        return have_ended(look(folder))
    except MissingFileError:
        return False


def write(
    folder: Path,
    out: Path | None = None,
    question: "Question | None" = None,
    pictures: int | None = None,
) -> Path:
    """Writes the report of a folder into it, or to a file; returns the file.

    Raises:
        UserError: Nothing to read, or a question that the rows do not allow.
    """
    from tricklift.report.page import write as write_page
    from tricklift.report.study import PICTURES, read

    pictures = PICTURES if pictures is None else pictures
    study = read(folder, question, pictures=pictures, say=_say)
    return write_page(study, out or folder / NAME)


def at_the_end(runs: Path, out: Path | None = None) -> None:
    """What `run` and `demo` end with: the table, the answer, and the report in `out` or `runs`."""
    from rich.console import Console

    from tricklift.report.headline import sentences
    from tricklift.report.page import write as write_page
    from tricklift.report.study import read
    from tricklift.tables.page import transfer_table

    study = read(runs, say=_say)
    words = "\n".join([transfer_table(study.rows, study.lines), "", *sentences(study)])
    Console().print(words, markup=False, highlight=False, soft_wrap=True)
    print(f"How rows differ, protocols and runs: tricklift compare {runs}")
    print(f"The report, to open in a browser: {write_page(study, (out or runs) / NAME)}")


COMMANDS = (report,)
