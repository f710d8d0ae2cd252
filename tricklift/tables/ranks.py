"""The order of rows: ranks, rank correlations and scores, with intervals over pretrainings.

Intervals are by the bootstrap, under the model of `tricklift.tables.model`: what a
pretraining does beside its row's mean is drawn from all rows with a pretraining (for random init,
from random init), with all metrics of a pretraining together, and added to the means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricklift.tables.observations import Observations
from tricklift.tables.power import ALPHA

if TYPE_CHECKING:
    import numpy as np

#: Metric (or whatever tells columns apart) -> a row's observations.
Cells = Mapping[str, Observations]
DRAWS = 4000


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval over pretrainings, None with one pretraining a row."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Ranked:
    """A row's place.

    Attributes:
        row: Its label.
        rank: 1 is the best; ties share the mean.
        score: Mean over metrics of how many standard deviations of the rows it is above their mean.
    """

    row: str
    rank: Interval
    score: Interval


def drawn(rows: Sequence[Cells], metrics: Sequence[str]) -> "tuple[np.ndarray, np.ndarray | None]":
    """Means of rows, (rows, metrics), and such means as other pretrainings could have given.

    Args:
        rows: Each with all of the metrics.
        metrics: Keys of each row.

    Returns:
        The means, and (draws, rows, metrics) or None where no row has two pretrainings.
    """
    import numpy as np

    means = np.array([[row[metric].mean for metric in metrics] for row in rows])
    kinds = [row[metrics[0]].pretrained for row in rows]
    counts, pools = [], {True: [], False: []}  # type: ignore[var-annotated]
    for row, kind in zip(rows, kinds, strict=True):
        tables = [dict(zip(row[it].runs, row[it].values, strict=True)) for it in metrics]
        shared = [key for key in tables[0] if all(key in table for table in tables)]
        counts.append(min(map(len, tables)))
        if len(shared) > 1:
            values = np.array([[table[key] for table in tables] for key in shared])
            grow = np.sqrt(len(shared) / (len(shared) - 1))  # means fitted to few leave too little
            pools[kind].append((values - values.mean(axis=0)) * grow)
    if not pools[any(kinds)]:
        return means, None
    rng, noise = np.random.default_rng(0), []
    for kind, n in zip(kinds, counts, strict=True):
        pool = np.concatenate(pools[kind] or [np.zeros((1, len(metrics)))])
        noise.append(pool[rng.integers(len(pool), size=(DRAWS, n))].mean(axis=1))
    return means, means + np.stack(noise, axis=1)


def correlation(rows: Sequence[Cells], metrics: tuple[str, str]) -> Interval | None:
    """Spearman's rank correlation of two metrics over rows, None where one does not vary."""
    import numpy as np
    from scipy import stats

    def spearman(means: "np.ndarray") -> "np.ndarray":
        ranks = stats.rankdata(means, axis=-2)
        ranks = ranks - ranks.mean(axis=-2, keepdims=True)
        products = (ranks[..., 0] * ranks[..., 1]).sum(axis=-1)
        squares = (ranks**2).sum(axis=-2).prod(axis=-1)
        return products / np.sqrt(np.where(squares > 0, squares, np.nan))

    means, others = drawn(rows, metrics)
    found = spearman(means)
    if np.isnan(found):
        return None
    return _intervals(found[None], None if others is None else spearman(others)[:, None])[0]


def ranking(rows: Mapping[str, Cells], metrics: Sequence[str]) -> list[Ranked]:
    """Rows by their mean score over metrics, best first.

    Args:
        rows: Label -> observations of all of the metrics.
        metrics: With equal weight.
    """
    import numpy as np
    from scipy import stats

    if not rows:
        return []

    def scores(means: "np.ndarray") -> "np.ndarray":
        spread = means.std(axis=-2, keepdims=True)
        away = means - means.mean(axis=-2, keepdims=True)
        # equal but for rounding is equal
        return (away / np.where(spread > 0, spread, 1.0)).mean(axis=-1).round(9)

    means, others = drawn(list(rows.values()), metrics)
    found, drawn_scores = scores(means), None if others is None else scores(others)
    ranks = stats.rankdata(-found)
    drawn_ranks = None if drawn_scores is None else stats.rankdata(-drawn_scores, axis=-1)
    ranked = zip(_intervals(ranks, drawn_ranks), _intervals(found, drawn_scores), strict=True)
    placed = [Ranked(label, *intervals) for label, intervals in zip(rows, ranked, strict=True)]
    return sorted(placed, key=lambda row: row.rank.value)


def _intervals(values: "np.ndarray", others: "np.ndarray | None") -> list[Interval]:
    """Of values, from their like in all draws, (draws, values)."""
    import numpy as np

    if others is None:
        return [Interval(float(value)) for value in values]
    ends = np.nanquantile(others, [ALPHA / 2, 1 - ALPHA / 2], axis=0, method="nearest")
    return [
        Interval(float(value), float(low), float(high))
        for value, low, high in zip(values, *ends, strict=True)
    ]
