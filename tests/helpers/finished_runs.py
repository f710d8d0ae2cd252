"""Finished runs as records, without a file."""

from itertools import count
from pathlib import Path

from tricklift.tables.records import Record

NUMBERS = count()  # no two runs share a file
METRICS = {"cls": "top1", "det": "voc_map", "seg": "miou"}


def finished(
    row: str, task: str, value: float, seed: int = 0, origin: int | None = 0, **changes
) -> Record:
    """A finished run; `origin` is the seed of its pretraining, None for random init."""
    held = {"config_hash": row, "seed": str(origin)} if origin is not None else None
    data = {"status": "done", "task": task, "tier": "small", "dataset": "d", "protocol": "p"}
    data |= {"row": row, "backbone": "b", "seed": seed, "metrics": {METRICS[task]: value}}
    data |= {"config": f"{task}.py", "config_hash": row if task == "cls" else task}
    data |= {"pretrained": {**held, "file": f"{row}{origin}"} if held and task != "cls" else None}
    data |= {"machine": {}, "wall_seconds": 1.0, "epochs": 1, "iters": 8, "world_size": 1}
    data |= {"started": "", "commit": None}
    data |= changes
    told = (row, data["tier"], task, data["config"], data["config_hash"], seed, origin)
    return Record(Path("-".join(map(str, (*told, next(NUMBERS))))), data)
