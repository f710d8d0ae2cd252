"""What mmengine logged while a run trained: loss, rate and metric over its iterations."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from tricklift.tables.records import Record

#: Task -> key of its metric in the log, how pages call it, and the factor to percent.
METRICS = {
    "cls": ("accuracy/top1", "top-1", 1.0),
    "det": ("pascal_voc/mAP", "mAP", 100.0),
    "seg": ("mIoU", "mIoU", 1.0),
}
#: A curve has at most so many points: more than a picture shows.
MOST_POINTS = 200
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Curves:
    """Each a list of (iteration, value), of a run that was resumed as of one in one piece.

    Attributes:
        loss: The sum that is minimised, as logged: a mean of the last iterations.
        rate: The learning rate; of several groups, the first one's.
        metric: Percent.
        named: What the metric is called.
    """

    loss: Points = field(default_factory=list)
    rate: Points = field(default_factory=list)
    metric: Points = field(default_factory=list)
    named: str = ""

    def __bool__(self) -> bool:
        return bool(self.loss or self.metric)

    def parts(self) -> dict[str, Points]:
        """By what pages call them."""
        return {"loss": self.loss, "learning rate": self.rate, f"{self.named}, %": self.metric}


def of_run(record: Record) -> Curves:
    """The curves of a run; empty ones where it logged nothing."""
    files = sorted(record.path.parent.glob("*/vis_data/scalars.json"))
    stamp = tuple((str(file), file.stat().st_mtime_ns) for file in files)
    iters, epochs = record["iters"] or 0, record["epochs"]
    return _read(stamp, str(record["task"]), iters / epochs if epochs else 1.0)


@lru_cache(maxsize=512)
def _read(stamp: tuple[tuple[str, int], ...], task: str, per_step: float) -> Curves:
    lines: list[dict[str, Any]] = []
    for name, _ in stamp:
        lines = _continued(lines, list(_lines(Path(name))), METRICS[task][0], per_step)
    key, named, factor = METRICS[task]
    # a validation's step counts epochs, where the run does
    metric = _points(lines, key, per_step, factor)
    return Curves(_points(lines, "loss"), _points(lines, "lr"), metric, named)


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for text in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            held = json.loads(text)
        except ValueError:  # it is being written
            continue
        if isinstance(held, dict) and isinstance(held.get("step"), int | float):
            yield held


def _continued(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], key: str, per_step: float
) -> list[dict[str, Any]]:
    """A log and that of the process that went on from a checkpoint: it did the last steps again."""
    at = [held["step"] * (per_step if key in held else 1.0) for held in new]
    first = min(at, default=math.inf)
    kept = [held for held in old if held["step"] * (per_step if key in held else 1.0) < first]
    return [*kept, *new]


def _points(
    lines: Sequence[dict[str, Any]], key: str, per_step: float = 1.0, factor: float = 1.0
) -> Points:
    found = [
        (held["step"] * per_step, value * factor)
        for held in lines
        if isinstance(value := held.get(key), int | float) and math.isfinite(value)
    ]
    return thinned(found)


def thinned(points: Points, most: int = MOST_POINTS) -> Points:
    """At most so many points: the mean of each of as many equal parts."""
    if len(points) <= most:
        return points
    edges = [place * len(points) // most for place in range(most + 1)]
    parts = (points[start:end] for start, end in pairwise(edges))
    return [
        (sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts
    ]
