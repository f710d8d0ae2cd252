"""The paper's numbers, read from `numbers.json`, the one file that holds them."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tricklift.errors import UserError, did_you_mean

#: Tables that hold transfer results; between them a row has top1, voc_map, pix_acc and miou.
TRANSFER_TABLES = ("8", "9")
#: Said of tables whose figures were not read in the paper itself (`verified: false`).
UNVERIFIED = "figures not checked against the paper's PDF"
METRICS = ("top1", "voc_map", "pix_acc", "miou")


@lru_cache
def _data() -> dict[str, Any]:
    text = Path(__file__).with_name("numbers.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def table(number: str | int) -> dict[str, Any]:
    """One table: title, source, verified, columns, rows (each a dict with `row` and the columns).

    Raises:
        UserError: No such table.
    """
    tables = _data()["tables"]
    if str(number) not in tables:
        raise UserError(f"the paper's data has no table {number!r}; it has {', '.join(tables)}")
    return dict(tables[str(number)])


def transfer_rows() -> list[str]:
    """Names of the rows of the transfer tables, in their order."""
    return [entry["row"] for entry in table(TRANSFER_TABLES[0])["rows"]]


def transfer(row: str) -> dict[str, float]:
    """The paper's top1, voc_map, pix_acc and miou (percent) of a transfer row.

    Raises:
        UserError: The paper has no such row.
    """
    entries = [entry for number in TRANSFER_TABLES for entry in table(number)["rows"]]
    found = {key: entry[key] for entry in entries if entry["row"] == row for key in entry}
    if not found:
        rows = transfer_rows()
        raise UserError(
            f"the paper has no transfer row {row!r}; it has {', '.join(rows)}"
            f"{did_you_mean(row, rows)}"
        )
    return {key: found[key] for key in METRICS}


def source() -> str:
    """Where the transfer rows stand in the paper, and whether the figures were checked."""
    tables = [table(number) for number in TRANSFER_TABLES]
    doubt = "" if all(held["verified"] for held in tables) else f" ({UNVERIFIED})"
    return "; ".join(held["source"] for held in tables) + doubt
