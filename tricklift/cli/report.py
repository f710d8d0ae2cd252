"""`tricklift report`: one HTML file about the runs in a folder."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(help="Folder with result.json files, at any depth.")],
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("report.html"),
) -> None:
    """Write one HTML file about the runs in a folder."""
    from tricklift.report.page import write
    from tricklift.report.study import read

    write(read(folder), out)


COMMANDS = (report,)
