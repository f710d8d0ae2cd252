"""What the statistics count: a row's values of a metric, one a pretraining.

Runs that start from one pretraining share its chance, so they are averaged first. A run without a
pretraining (random init) has a start of its own, and counts by itself.
"""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tricklift.tables.records import Record

#: What tells a pretraining from another of the same row, the first that is known.
_KEYS = ("seed", "weights_sha256", "sha256", "name", "file")


@dataclass(frozen=True)
class Observations:
    """A row's values of a metric, in percent.

    Attributes:
        runs: Pretraining (its seed, else what its weights are called) -> seed -> the run's value.
        pretrained: Whether there is a pretraining; without one, a run's own seed stands for it.
    """

    runs: dict[str, dict[str, float]]
    pretrained: bool = True

    @property
    def values(self) -> tuple[float, ...]:
        """One a pretraining: the mean of its runs."""
        return tuple(statistics.fmean(values.values()) for values in self.runs.values())

    @property
    def each(self) -> tuple[float, ...]:
        """One a run."""
        return tuple(value for values in self.runs.values() for value in values.values())

    @property
    def mean(self) -> float:
        """Over pretrainings: the one estimate that tables and differences use."""
        return statistics.fmean(self.values)

    def summary(self) -> dict[str, Any]:
        """`mean`; `n` pretrainings and `runs`; `std` over the former, with one over the latter."""
        spread = self.values if len(self.values) > 1 else self.each
        return {
            "mean": round(self.mean, 4),
            "std": statistics.stdev(spread) if len(spread) > 1 else None,
            "n": len(self.values),
            "runs": len(self.each),
        }


def observe(
    runs: Sequence[Record], metric: str, of_class: str | None = None
) -> Observations | None:
    """The values of a row's runs of one task and config; None where none has the metric.

    Args:
        runs: Of one row, task and config.
        metric: As result files call it.
        of_class: The metric of this class alone (`per_class` of result files).
    """
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for run in runs:
        held = run["metrics"] if of_class is None else (run["per_class"] or {}).get(metric, {})
        value = held.get(metric if of_class is None else of_class)
        if value is not None:
            found[_pretraining(run)][str(run["seed"])] = float(value)
    if not found:
        return None
    order = sorted(found, key=lambda key: (not key.isdecimal(), len(key), key))
    pretrained = runs[0]["task"] == "cls" or bool(runs[0].pretrained)
    return Observations({key: found[key] for key in order}, pretrained)


def _pretraining(run: Record) -> str:
    """Which pretraining a run is, or starts from; its own seed where there is none."""
    held = run.pretrained
    if run["task"] == "cls" or not held:
        return str(run["seed"])
    known = (held.get(key) for key in _KEYS)
    return next((str(told) for told in known if told not in (None, "")), "")
