"""The cells of the paper's tables beside our own values: what `tricklift rows` prints."""

import statistics
from pathlib import Path
from typing import Any

from tricklift.paper.cells import Cell, cells
from tricklift.paper.gpu_hours import gpu_hours
from tricklift.tables.records import Record, find


def own_values(cell: Cell, records: list[Record]) -> dict[str, float] | None:
    """Our values of a cell: means over its finished runs, None where there is no run.

    Args:
        cell: The cell.
        records: Result files; a run counts by its config, wherever its tree stands.
    """
    runs = [
        record
        for record in records
        if record.done
        and "/".join(Path(str(record["config"])).with_suffix("").parts[-3:]) == cell.config
    ]
    found: dict[str, float] = {}
    for metric in dict.fromkeys(name for run in runs for name in run["metrics"]):
        values = [run["metrics"][metric] for run in runs if run["metrics"].get(metric) is not None]
        if values:
            found[metric] = round(statistics.fmean(values), 4)
    top1 = [run.pretrained["top1"] for run in runs if run.pretrained.get("top1") is not None]
    if top1 and cell.task != "cls":
        found["top1"] = round(statistics.fmean(top1), 4)
    return found or None


def listing(table: str | None = None, results: Path | None = None) -> list[dict[str, Any]]:
    """What `tricklift rows` prints, a dict a cell.

    Returns:
        Dicts with the keys table, row, setting, network, task, config, command, needs, gpu_hours,
        paper (metric -> value; None for an extension), own (the same; None without a result).

    Raises:
        ValueError: No such table, or a file below `results` that is not a result.
        FileNotFoundError: `results` is missing or holds no result.
    """
    records = find(results) if results else []
    return [
        {
            "table": cell.table,
            "row": cell.row,
            "setting": cell.setting,
            "network": cell.network,
            "task": cell.task,
            "config": cell.config,
            "command": cell.command,
            "needs": list(cell.needs),
            "gpu_hours": round(gpu_hours(cell.config), 1),
            "paper": cell.paper,
            "own": own_values(cell, records),
        }
        for cell in cells(table)
    ]
