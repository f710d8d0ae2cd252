"""`tricklift rows` and `fidelity`: the paper's tables, cell by cell."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

HOW = (
    "GPU-h: estimated hours of one V100 in all, from images, epochs, MACs and the throughput that "
    "the paper's minutes per epoch (Table 3) give; tricklift/paper/gpu_hours.py."
)

#: Key of an entry -> what these runs are.
LEFT_OUT = {
    "changed": "runs that are not the recipe",
    "older": "runs recorded by an older version, whose config hash does not compare",
}
NEEDS = (
    "own: values of ours, with --results DIR. A needed file: tricklift export CHECKPOINT FILE, "
    "after that run; configs look for it in the folder TRICKLIFT_EXPORTS (default: exports)."
)


def rows(
    table: Annotated[str | None, typer.Option(help="2 to 9; all without it.")] = None,
    results: Annotated[
        Path | None, typer.Option(help="A folder below which runs left result.json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list.")] = False,
) -> None:
    """List every cell of the paper's tables: config, command, cost, the paper's value and ours."""
    from tricklift.tables.paper_rows import listing

    entries = listing(table, results)
    if as_json:
        print(json.dumps(entries, indent=2))
    else:
        print("\n".join(_page(entries)))


def _page(entries: list[dict[str, Any]]) -> list[str]:
    from tricklift import paper

    lines = []
    widths = [max(len(_label(entry)) for entry in entries)]
    widths.append(max(len(entry["config"]) for entry in entries))
    for number in dict.fromkeys(entry["table"] for entry in entries):
        held = paper.table(number)
        doubt = "" if held["verified"] else f"; {paper.UNVERIFIED}"
        lines += [f"Table {number}: {held['title']} ({held['source']}){doubt}", ""]
        for entry in entries:
            if entry["table"] == number:
                lines += _lines(entry, *widths)
        lines.append("")
    return [*lines, HOW, NEEDS]


def _label(entry: dict[str, Any]) -> str:
    parts = [entry["row"], entry["setting"], entry["network"]]
    return ", ".join(part for part in parts if part)


def _lines(entry: dict[str, Any], label: int, config: int) -> list[str]:
    theirs = _values(entry["paper"]) if entry["paper"] else "no row (extension)"
    own = _values(entry["own"]) if entry["own"] else "-"
    for key, why in LEFT_OUT.items():
        own += f" (without {entry[key]} {why})" if entry[key] else ""
    first = (
        f"  {_label(entry):{label}}  {entry['config']:{config}}  {entry['gpu_hours']:6.0f} GPU-h"
        f"  paper {theirs}  own {own}"
    )
    needs = [f"      needs {_export(name)} of {name}" for name in entry["needs"]]
    return [first, f"      {entry['command']}", *needs]


def _export(config: str) -> str:
    """The file in which a config's export is looked for."""
    return f"exports/{config.rpartition('/')[2]}.safetensors"


def _values(values: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {'-' if v is None else f'{v:.2f}'}" for name, v in values.items())


def fidelity(
    out: Annotated[Path | None, typer.Option(help="Write to this file instead.")] = None,
) -> None:
    """Print row by row what the paper says and what the resolved config does."""
    from tricklift.paper.fidelity.page import page
    from tricklift.records.atomic import write_text

    text = page()
    if out is None:
        print(text, end="")
    else:
        write_text(out, text)
        print(f"done: {out}")


def add_to(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    for command in (rows, fidelity):
        app.command()(command)
