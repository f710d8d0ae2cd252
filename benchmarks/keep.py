"""Copies the results of finished runs to where they are committed, without this machine's paths.

Of each run its `result.json`, and what was typed; logs, configs and weights stay where they are.
Pages are made of the copies: `tricklift compare docs/results/NAME`.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tricklift.errors import UserError
from tricklift.records.atomic import write_text
from tricklift.records.plain_files import read_json
from tricklift.records.schema import RESULT_FILE
from tricklift.tables.records import COMMANDS_FILE, find

#: A provided config, wherever the tree stands that it was run from.
CONFIG = re.compile(r"/[^\s\"]*?/(?=configs/(?:cls|det|seg)/)")


def keep(
    runs: Annotated[Path, typer.Argument(help="Where `tricklift run TIER` left its results.")],
    out: Annotated[Path, typer.Argument(help="Where to: docs/results/TIER.")],
    root: Annotated[Path, typer.Option(help="Folder of the data sets.")] = Path("data"),
) -> None:
    """Copy the results of finished runs to a folder that is committed.

    TRICKLIFT_DATA, where a tier's given weights may be, becomes `data`, too.
    """
    places = {str(runs.resolve()): f"runs/{out.name}", str(root.resolve()): "data"}
    if given := os.environ.get("TRICKLIFT_DATA"):
        places[str(Path(given).resolve())] = "data"
    done = [record for record in find(runs) if record.done]
    for record in done:
        held = anywhere(read_json(record.path), places)
        write_text(out / record.path.relative_to(runs), json.dumps(held, indent=2) + "\n")
    typed = runs / COMMANDS_FILE
    if typed.is_file():
        held = anywhere(read_json(typed), places)
        write_text(out / COMMANDS_FILE, json.dumps(held, indent=2) + "\n")
    print(f"done: {len(done)} times {RESULT_FILE} in {out}")


def anywhere(held: Any, places: Mapping[str, str]) -> Any:
    """Plain data as they would be on any machine.

    Args:
        held: What a file holds.
        places: Folder of this machine -> what it is called in its place.

    Raises:
        UserError: It names another place on this machine.
    """
    text = CONFIG.sub("", json.dumps(held))
    for here, name in places.items():
        text = text.replace(here, name)
    moved = json.loads(text)
    if left := next(_absolute(moved), None):
        raise UserError(
            f"{left!r} is a place on this machine; give the folder of the data with --root, or as "
            "TRICKLIFT_DATA"
        )
    return moved


def _absolute(held: Any) -> Iterator[str]:
    """Absolute paths in plain data, also within a line that was typed."""
    if isinstance(held, dict | list):
        for item in held.values() if isinstance(held, dict) else held:
            yield from _absolute(item)
    elif isinstance(held, str) and (found := re.search(r"(?:^|[\s=])/\w\S*", held)):
        yield found.group().strip()
