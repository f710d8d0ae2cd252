"""`tricklift backbones`, `tricks` and `config`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tricklift.errors import UserError

#: Columns of a table that goes into a file or another program.
PIPED_WIDTH = 240


def backbones(
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON list instead of a table.")
    ] = False,
    doc: Annotated[
        Path | None, typer.Option(help="Write the page about all backbones here, with its picture.")
    ] = None,
) -> None:
    """List the backbones: parameters, MACs, top-1 as published, channels and strides, source."""
    from backbones.describe import describe_all

    entries = describe_all()
    if doc is not None:
        from tricklift.tables.backbone_page import write_page

        print(*write_page(doc, entries), sep="\n")
        return
    if as_json:
        print(json.dumps(entries, indent=2))
    else:
        _print_table(entries)


def _print_table(entries: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    titles = ("name", "params", "GMACs", "input", "top-1", "channels", "strides")
    for title in (*titles, "built in", "paper", "source"):
        right = title in ("params", "GMACs", "input")
        table.add_column(
            title,
            justify="right" if right else "left",
            overflow="fold",
            no_wrap=right or title == "name",
        )
    for entry in entries:
        table.add_row(
            entry["name"],
            f"{entry['params']:,}",
            f"{entry['macs'] / 1e9:.2f}",
            str(entry["input_size"]),
            entry["published_top1"] or "",
            " ".join(map(str, entry["channels"])),
            " ".join(map(str, entry["strides"])),
            ", ".join(entry["built_in"]),
            entry["paper"],
            entry["source"],
        )
    console = Console()
    (console if console.is_terminal else Console(width=PIPED_WIDTH)).print(table)


def tricks() -> None:
    """List the tricks that `train --tricks A,B` and a config's `use` line turn on."""
    from tricklift.tricks import described

    for name, tasks, summary in described():
        print(f"{name:18} {'/'.join(tasks):12} {summary}")


def config(
    name: Annotated[str | None, typer.Argument(help="Short name of a config.")] = None,
    every: Annotated[bool, typer.Option("--list", help="Print all short names.")] = False,
) -> None:
    """Print the path of a provided config, for `mim train mmdet $(tricklift config ...)`."""
    from tricklift.configs import find_config, short_names

    if every:
        print("\n".join(short_names()))
    elif name is None:
        raise UserError("'tricklift config' needs a NAME, or --list for all names")
    else:
        print(find_config(name).resolve())


def add_to(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    for command in (backbones, tricks, config):
        app.command()(command)
