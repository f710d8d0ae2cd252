"""`tricklift compare`: tables and pages from result files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tricklift.errors import UserError


def compare(
    folder: Annotated[Path, typer.Argument(help="Folder with result.json files, at any depth.")],
    style: Annotated[str, typer.Option("--format", help="md, csv or json.")] = "md",
    by: Annotated[
        str, typer.Option(help="row; or backbone: a page that also shows each backbone's cost.")
    ] = "row",
    out: Annotated[Path | None, typer.Option(help="Write to this file instead.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the rows, into a PNG, SVG or PDF file.")
    ] = None,
) -> None:
    """Print the transfer table of the runs in a folder.

    The markdown page also has each row's gain over the row above, paired by seed, and the rank
    correlation of top-1 with the downstream metrics.

    \b
    Accuracy and cost of one backbone of each family:
      tricklift run zoo --out runs/zoo
      tricklift compare runs/zoo --by backbone
    """
    from tricklift.tables import zoo
    from tricklift.tables.compare import compare as build
    from tricklift.tables.compare import lines
    from tricklift.tables.page import render

    if by not in ("row", "backbone"):
        raise UserError(f"--by takes row or backbone, got {by!r}")
    if by == "backbone" and style != "md":
        raise UserError(f"--by backbone writes md alone, got {style!r}; leave --by out for others")
    rows, records = build(folder)
    if plot is not None:
        from tricklift.tables.plots import plot as draw

        draw(lines(record for record in records if record.done), plot)
        print(f"done: {plot}", file=sys.stderr)
    by_row = by == "row"
    page = render(rows, records, style, folder) if by_row else zoo.to_markdown(records, folder)
    emit(page, out)


def emit(text: str, out: Path | None) -> None:
    """Writes a text to a file, or to stdout without one."""
    from tricklift.records.atomic import write_text

    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)
        print(f"done: {out}", file=sys.stderr)


COMMANDS = (compare,)
