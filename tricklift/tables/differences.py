"""Differences between rows, with intervals and p, under the model of `tricklift.tables.model`.

What is decided is decided by a p that holds for a whole family of comparisons: all steps of a
ladder (Holm), all rows against one (Dunnett), all pairs (Tukey); what these two do not hold for, by
Sidak's inequality. docs/statistics.md says how well that holds, by simulation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import expm1, hypot, log1p, sqrt
from typing import TYPE_CHECKING, Any

from tricklift.tables import dunnett
from tricklift.tables.model import Model, Raw
from tricklift.tables.power import ALPHA, CONFIDENCE, POWER, detectable, power

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Kinds of families.
KINDS = ("ladder", "baseline", "all", "claims")
#: What makes p, and with all but Holm's the interval too: p is up to 5 % where 0 is outside.
TESTS = ("dunnett", "tukey", "sidak", "holm")
#: Beyond so many pretrainings a row, a count is no advice.
MOST = 1000

Pair = tuple[str, str]


@dataclass(frozen=True)
class Difference:
    """One row minus another, in points of percent.

    Attributes:
        row: Label of the one.
        against: Label of the other.
        mean: Difference of the rows' means.
        low: Lower end of its 95 % interval, None where nothing tells the spread.
        high: Upper end.
        p: Two-sided, adjusted for the family; None with one pretraining a row.
        detectable: The smallest true difference that p would find in four of five trials.
        alone: The same for the interval, were this the only difference that is looked at.
        needed: Pretrainings a row with which a difference of this size would be decided in four of
            five trials, None where it is decided or more than `MOST` are needed.
        test: Of `TESTS`; None where nothing tells the spread.
    """

    row: str
    against: str
    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    detectable: float | None = None
    alone: float | None = None
    needed: int | None = None
    test: str | None = None

    @property
    def decided(self) -> bool:
        """Whether p is at most 5 %."""
        return self.p is not None and self.p <= ALPHA


@dataclass(frozen=True)
class _Told:
    """What a family says of a difference: half its interval, p, and the level of its decision."""

    test: str
    half: float
    p: float
    level: float


def family(model: Model, kind: str, pairs: Sequence[Pair], tested: bool = True) -> list[Difference]:
    """The differences of some pairs, with intervals and p that hold for all of them together.

    Intervals of a ladder and of claims are each by itself; those against a baseline and of all
    pairs hold together.

    Args:
        model: The rows.
        kind: Of `KINDS`.
        pairs: Labels, each row and what it is compared with.
        tested: Whether observations are pretrainings, so that there is a p.
    """
    plain = {pair: model.raw(*pair) for pair in pairs}
    groups: dict[bool | None, dict[Pair, Raw]] = {}  # None: no one pool of rows
    for pair, (_, raw) in plain.items():
        if raw is not None:
            pool = pair[1] in model.pretrained if raw.equal and kind in _TOGETHER else None
            groups.setdefault(pool, {})[pair] = raw
    told: dict[Pair, _Told] = {}
    for pool, raws in groups.items():
        told |= (_one_by_one if pool is None else _TOGETHER[kind])(model, kind, raws)
    return [
        _difference(model, pair, mean, raw, told[pair] if raw else None, tested)
        for pair, (mean, raw) in plain.items()
    ]


def _difference(
    model: Model, pair: Pair, mean: float, raw: Raw | None, told: _Told | None, tested: bool
) -> Difference:
    if raw is None or told is None:
        return Difference(*pair, mean)
    low, high = mean - told.half, mean + told.half
    if not tested:
        return Difference(*pair, mean, low, high, test=told.test)
    return Difference(
        *pair,
        mean,
        low,
        high,
        told.p,
        raw.se * detectable(raw.df, told.level),
        raw.se * detectable(raw.df, ALPHA),
        needed(model, pair, raw, told.level) if told.p > ALPHA else None,
        told.test,
    )


def _one_by_one(model: Model, kind: str, raws: Mapping[Pair, Raw]) -> dict[Pair, _Told]:
    """Student's t: p by Holm and intervals by themselves, or both together by Sidak."""
    from scipy import stats

    together = kind in _TOGETHER
    test, level = ("sidak", sidak(len(raws))) if together else ("holm", ALPHA)
    halves = [float(stats.t.isf(level / 2, raw.df)) * raw.se for raw in raws.values()]
    alone = [float(2 * stats.t.sf(raw.t, raw.df)) for raw in raws.values()]
    ps = [of_several(p, len(raws)) for p in alone] if together else holm(alone).tolist()
    decides = level if together else ALPHA / len(raws)
    return {
        pair: _Told(test, half, p, decides) for pair, half, p in zip(raws, halves, ps, strict=True)
    }


def _dunnett(model: Model, kind: str, raws: Mapping[Pair, Raw]) -> dict[Pair, _Told]:
    """All rows against one; the pool's other rows, if any, are in the family too."""
    from scipy import stats

    control = next(iter(raws))[1]
    counts = [len(model.samples[mate]) for mate in model.blocks(control) if mate != control]
    baseline, df = len(model.samples[control]), next(iter(raws.values())).df
    critical = dunnett.critical(counts, baseline, df, CONFIDENCE)
    level = float(2 * stats.t.sf(critical, df))
    return {
        pair: _Told(
            "dunnett", critical * raw.se, dunnett.p_value(raw.t, counts, baseline, df), level
        )
        for pair, raw in raws.items()
    }


def _tukey(model: Model, kind: str, raws: Mapping[Pair, Raw]) -> dict[Pair, _Told]:
    """All pairs, as `scipy.stats.tukey_hsd`, which takes no row of one observation."""
    from scipy import stats

    rows = len({label for pair in raws for label in pair})
    df = next(iter(raws.values())).df
    critical = tukey_critical(rows, df)
    level = float(2 * stats.t.sf(critical, df))
    found = {}
    for pair, raw in raws.items():
        p = float(stats.studentized_range.sf(raw.t * sqrt(2), rows, df))
        found[pair] = _Told("tukey", critical * raw.se, min(max(p, 0.0), 1.0), level)
    return found


_TOGETHER: dict[str, Callable[..., Any]] = {"baseline": _dunnett, "all": _tukey}


@cache
def tukey_critical(rows: int, df: float) -> float:
    """Of t, for all pairs of so many rows."""
    from scipy import stats

    return float(stats.studentized_range.ppf(CONFIDENCE, rows, df)) / sqrt(2)


def sidak(count: int) -> float:
    """The level of each of so many intervals that hold together."""
    return float(1 - CONFIDENCE ** (1 / count))


def of_several(p: float, count: int) -> float:
    """Sidak's adjusted p, of one of so many: up to 5 % where its interval leaves out 0."""
    return float(-expm1(count * log1p(-p))) if p < 1 else 1.0  # 1 - (1 - p) ** count, if tiny too


def holm(ps: "npt.ArrayLike") -> "np.ndarray":
    """Holm's adjusted p values, along the last axis.

    Source: Holm, Scandinavian Journal of Statistics 6, 1979, p. 65-70.
    """
    import numpy as np

    ps = np.asarray(ps, float)
    order = np.argsort(ps, axis=-1)
    steps = np.take_along_axis(ps, order, -1) * np.arange(ps.shape[-1], 0, -1)
    adjusted = np.empty_like(ps)
    np.put_along_axis(adjusted, order, np.maximum.accumulate(steps, axis=-1).clip(max=1), -1)
    return adjusted


def needed(model: Model, pair: Pair, raw: Raw, level: float) -> int | None:
    """Pretrainings a row that decide a difference of this size in four of five trials.

    All rows of the pool get as many. None beyond `MOST`.
    """
    mates = model.mates(pair[0])
    if shared := model.shared(*pair):
        sd, pools = raw.se * sqrt(len(shared)), len(model.blocks(pair[0])) - 1
    else:
        plain = model.unpaired()
        spreads = [spread for label in pair if (spread := plain.spread(label))]
        sd = hypot(*(spread.sd for spread in spreads))
        pools = len(mates) if pair[1] in mates else 2

    def enough(n: int) -> bool:
        return power(abs(raw.mean) / sd * sqrt(n), pools * (n - 1), level) >= POWER

    low, high = 1, 2
    while high <= MOST and not enough(high):
        low, high = high, 2 * high
    if high > MOST and not enough(MOST):
        return None
    high = min(high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
