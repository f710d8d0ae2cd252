"""What the steps of a ladder of rows brought, whether rows differ, and what top-1 foretells.

Runs are paired by their seeds, so that what the seed does (order of images, fresh layers of the
heads) cancels out of a difference.
"""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial, sqrt

from tricklift.records.schema import RANDOM_INIT
from tricklift.tables.compare import COLUMNS, Line

#: Two-sided.
CONFIDENCE = 0.95
#: At most: all orders of up to seven rows (7! = 5040), else so many drawn ones.
PERMUTATIONS = 10_000


@dataclass(frozen=True)
class Step:
    """A row's gain over the row above it, in one metric.

    Attributes:
        mean: Mean of the paired differences, in points of percent.
        low: Lower end of its 95 % confidence interval (Student's t), None for one difference.
        high: Upper end.
    """

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class RankCorrelation:
    """How far the rows' order in top-1 is their order downstream.

    Attributes:
        rho: Spearman's rank correlation of the rows' means, None where a metric does not vary.
        p: Two-sided, of a permutation test.
        rows: Number of rows.
        exact: Whether p is over all orders of the rows (up to seven), else over `PERMUTATIONS`
            drawn ones.
    """

    rho: float | None
    p: float | None
    rows: int
    exact: bool


def step(above: Line, line: Line, metric: str) -> Step | None:
    """The paired difference of `line` to `above`; None where they have no seed in common.

    Pretrainings are paired by their seed; downstream runs by it and their own one. Runs from one
    pretraining share its chance. So where several pretrainings are paired, the differences are
    first averaged within each, and the interval is over the pretrainings; with a single one it is
    over the downstream seeds, and leaves the chance of the pretraining out.

    Against a row without pretraining, the downstream seed alone says what belongs together: the
    other row's runs of one such seed are averaged over its pretrainings, and the interval is over
    the downstream seeds. It leaves out what pretrainings bring that these share.
    """
    fresh = RANDOM_INIT in (above.first["row"], line.first["row"])
    before, after = (_by_seed(some, metric, fresh) for some in (above, line))
    gains = _independent({key: after[key] - before[key] for key in after if key in before})
    if not gains:
        return None
    mean = statistics.fmean(gains)
    if len(gains) == 1:
        return Step(mean, None, None)
    from scipy import stats  # slow to import, and most pages have one seed

    spread = statistics.stdev(gains) / sqrt(len(gains))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(gains) - 1)) * spread
    return Step(mean, mean - half, mean + half)


def _independent(values: dict[tuple[object, ...], float]) -> list[float]:
    """Values by seed as they are, or their means of each pretraining where there are several."""
    groups = defaultdict(list)
    for key, value in values.items():
        groups[key[0]].append(value)
    if len(groups) == 1:
        return list(values.values())
    return [statistics.fmean(group) for group in groups.values()]


def _by_seed(line: Line, metric: str, downstream_only: bool) -> dict[tuple[object, ...], float]:
    """Mean of a metric for each seed, or pair of seeds with the pretraining's first."""
    found = defaultdict(list)
    for run in line.runs[COLUMNS[metric]]:
        value = run["metrics"].get(metric)
        alone = downstream_only or run["task"] == "cls"
        key = (run["seed"],) if alone else (run.pretrained.get("seed"), run["seed"])
        if value is not None:
            found[key].append(float(value))
    return {key: statistics.fmean(values) for key, values in found.items()}


def rank_correlation(lines: Sequence[Line], metric: str) -> RankCorrelation | None:
    """The rank correlation of top-1 with a downstream metric; None for fewer than three rows.

    Args:
        lines: One a row, all of one tier and with the same head.
        metric: The downstream metric.
    """
    pairs = [
        (statistics.fmean(line.values("top1")), statistics.fmean(line.values(metric)))
        for line in lines
        if line.values("top1") and line.values(metric)
    ]
    if len(pairs) < 3:
        return None
    exact = factorial(len(pairs)) <= PERMUTATIONS
    top1, downstream = ([pair[place] for pair in pairs] for place in (0, 1))
    if len(set(top1)) == 1 or len(set(downstream)) == 1:
        return RankCorrelation(None, None, len(pairs), exact)
    from scipy import stats

    test = stats.permutation_test(
        (top1,),
        lambda order: stats.spearmanr(order, downstream).statistic,
        permutation_type="pairings",
        n_resamples=PERMUTATIONS,
        rng=0,
    )
    return RankCorrelation(float(test.statistic), float(test.pvalue), len(pairs), exact)


def omnibus_test(lines: Sequence[Line], metric: str) -> tuple[float, int, int] | None:
    """A permutation test of whether the rows' means differ; None without three rows of two blocks.

    Many steps are looked at, so that one of them may look large by chance; this looks at all rows
    at once. Runs are paired as in `step`.

    Args:
        lines: One a row, all of one tier and with the same head, each with a pretraining.
        metric: Of the table.

    Returns:
        p: How often rows that are shuffled within each block have means as far apart; the number of
        rows; and that of blocks, which are seeds, or pretrainings where there are several.
    """
    found = [by_seed for line in lines if (by_seed := _by_seed(line, metric, False))]
    shared = [key for key in found[0] if all(key in other for other in found)] if found else []
    values = [_independent({key: by_seed[key] for key in shared}) for by_seed in found]
    if len(values) < 3 or len(values[0]) < 2:
        return None
    import numpy as np
    from scipy import stats

    test = stats.permutation_test(
        values,
        lambda *rows, axis: np.var([np.mean(row, axis=axis) for row in rows], axis=0),
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        rng=0,
    )
    return float(test.pvalue), len(values), len(values[0])
