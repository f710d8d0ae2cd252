"""`tricklift backbones`, `tricks`, `config`, `rows` and `fidelity`: what there is."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from tricklift.cli.tables import emit
from tricklift.errors import UserError

AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON list.")]
#: Columns of a table that goes into a file or another program.
PIPED_WIDTH = 240
NOTES = (
    "GPU-h: estimated V100 hours in total, from images, epochs, MACs and the throughput that the "
    "paper's minutes per epoch (Table 3) give; see tricklift/paper/gpu_hours.py.",
    "own: our values, with --results DIR. A needed file is made by 'tricklift export CHECKPOINT "
    "FILE' after that run; configs look for it in the folder TRICKLIFT_EXPORTS (default: exports).",
)
#: Key of an entry -> what these runs are.
LEFT_OUT = {
    "changed": "runs that are not the recipe",
    "older": "runs recorded by an older version, whose config hash does not compare",
}


def backbones(
    as_json: AsJson = False,
    doc: Annotated[
        Path | None, typer.Option(help="Write the page of all backbones, with its picture.")
    ] = None,
) -> None:
    """List the backbones, with parameters, MACs, published top-1, channels and strides."""
    from backbones.describe import describe_all

    entries = describe_all()
    if doc is not None:
        from tricklift.tables.backbone_page import write_page

        print(*write_page(doc, entries), sep="\n")
    elif as_json:
        print(json.dumps(entries, indent=2))
    else:
        _print_table(entries)


def _print_table(entries: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("name", overflow="fold", no_wrap=True)
    for title in ("params", "GMACs", "input"):
        table.add_column(title, justify="right", overflow="fold", no_wrap=True)
    for title in ("top-1", "channels", "strides", "built in", "paper", "source"):
        table.add_column(title, overflow="fold")
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
    """List the tricks. They go into `train --tricks A,B` or the `use` line of a config."""
    from tricklift.tricks import described

    for name, tasks, summary in described():
        print(f"{name:18} {'/'.join(tasks):12} {summary}")


def config(
    name: Annotated[str | None, typer.Argument(help="Short name of a config.")] = None,
    every: Annotated[bool, typer.Option("--list", help="Print all short names.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="For cls/own, det/own and seg/own: a folder of data of your own."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="With --data: the folder for the config made for it.")
    ] = Path("own"),
) -> None:
    """Print the path of a config. For `mim train mmdet $(tricklift config ...)`.

    \b
    For data of your own:
      mim train mmdet $(tricklift config det/own --data DIR) --work-dir runs/det
    """
    from tricklift.configs import find_config, short_names

    if every:
        print("\n".join(short_names()))
    elif name is None:
        raise UserError("'tricklift config' needs a NAME, or --list for all names")
    elif data is not None:
        from tricklift.own.written import config_for

        with redirect_stdout(sys.stderr):
            file = config_for(name, data, out)
        print(file.resolve())
    else:
        print(find_config(name).resolve())


def rows(
    table: Annotated[str | None, typer.Option(help="2 to 9.  [default: all]")] = None,
    results: Annotated[
        Path | None, typer.Option(help="Folder with result.json files, at any depth.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the cells of the paper's tables: config, command, cost, the paper's value, ours."""
    from tricklift.tables.paper_rows import listing

    entries = listing(table, results)
    print(json.dumps(entries, indent=2) if as_json else "\n".join(_page(entries)))


def _page(entries: list[dict[str, Any]]) -> list[str]:
    from tricklift.paper import numbers

    lines = []
    label = max(len(_label(entry)) for entry in entries)
    config = max(len(entry["config"]) for entry in entries)
    for number in dict.fromkeys(entry["table"] for entry in entries):
        held = numbers.table(number)
        doubt = "" if held["verified"] else f"; {numbers.UNVERIFIED}"
        lines += [f"Table {number}: {held['title']} ({held['source']}){doubt}", ""]
        for entry in (entry for entry in entries if entry["table"] == number):
            lines.append(
                f"  {_label(entry):{label}}  {entry['config']:{config}}  "
                f"{entry['gpu_hours']:6.0f} GPU-h  "
                f"paper {_values(entry['paper']) or 'no row (extension)'}  "
                f"own {_values(entry['own']) or '-'}"
            )
            for key, why in LEFT_OUT.items():
                lines[-1] += f" (without {entry[key]} {why})" if entry[key] else ""
            lines.append(f"      {entry['command']}")
            for need in entry["needs"]:
                file = f"exports/{need.rpartition('/')[2]}.safetensors"
                lines.append(f"      needs {file} of {need}")
        lines.append("")
    return [*lines, *NOTES]


def _label(entry: dict[str, Any]) -> str:
    return ", ".join(filter(None, (entry["row"], entry["setting"], entry["network"])))


def _values(values: dict[str, float | None] | None) -> str:
    return ", ".join(
        f"{name} {'-' if value is None else f'{value:.2f}'}"
        for name, value in (values or {}).items()
    )


def fidelity(
    out: Annotated[Path | None, typer.Option(help="Write to this file instead.")] = None,
) -> None:
    """Compare the paper's recipes with the configs."""
    from tricklift.paper.fidelity.page import page

    emit(page(), out)


COMMANDS = (backbones, tricks, config, rows, fidelity)
