"""`tricklift paper`: the cells of the paper's tables beside our runs, its recipes beside ours."""

import json
from typing import Any

from tricklift.cli.groups import Group
from tricklift.cli.options import AsJson, Results, Tables, TextFile, names_in
from tricklift.cli.tables import emit

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


def rows(
    tables: Tables = None,
    results: Results = None,
    as_json: AsJson = False,
    out: TextFile = None,
) -> None:
    """List the cells of the paper's tables: config, command, cost, the paper's value, ours.

    \b
    What Tables 8 and 9 take, and what a folder of runs has of them:
      tricklift paper rows --tables 8,9
      tricklift paper rows --tables 8,9 --results runs/full
    """
    from tricklift.tables.paper_rows import listing

    entries = listing(names_in("--tables", tables) or None, results)
    emit((json.dumps(entries, indent=2) if as_json else "\n".join(_page(entries))) + "\n", out)


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


def fidelity(out: TextFile = None) -> None:
    """Compare the paper's recipes with the configs, point by point.

    \b
    As the page docs/fidelity.md:
      tricklift paper fidelity --out docs/fidelity.md
    """
    from tricklift.paper.fidelity.page import page

    emit(page(), out)


PAPER = Group(
    "paper",
    'The paper ("Bag of Tricks") beside this project: its tables\' cells, its recipes.',
    {"rows": rows, "fidelity": fidelity},
)
