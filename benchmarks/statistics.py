"""`python -m benchmarks statistics`: how often the statistics of `tricklift compare` are right.

Tables of rows are drawn whose truth is known, and looked at as the page does. All tables of a
setting are looked at in one go; the first ones also by the page's own code, which must agree.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import sqrt
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from scipy import stats

from tricklift.markdown import grid
from tricklift.records.atomic import write_text
from tricklift.tables import dunnett
from tricklift.tables.columns import columns
from tricklift.tables.compare import lines
from tricklift.tables.differences import (
    family,
    holm,
    sidak,
    tukey_critical,
)
from tricklift.tables.model import Model, model_of
from tricklift.tables.power import ALPHA, CONFIDENCE, detectable
from tricklift.tables.records import find

ROWS = 7
TABLES = 10_000
#: For a figure that is close to what is allowed.
MANY = 100_000
#: Of them, looked at by the page's own code too.
CHECKED = 10
SEEDS = (3, 5)
KINDS = ("ladder", "baseline", "all")
#: Of the page: one standard deviation, one a row, one within seeds.
MODELS = ("pooled", "own", "paired")
#: What is drawn -> variance of each row; the first row is the baseline.
VARIANCES = {
    "the same": np.ones(ROWS),
    "3 times, every other row": np.where(np.arange(ROWS) % 2, 3.0, 1.0),
    "3 times, the baseline": np.where(np.arange(ROWS) == 0, 3.0, 1.0),
}
NAMES = {"ladder": "steps", "baseline": "against a baseline", "all": "all pairs"}
#: The row of which a true gain is drawn, to see whether it is found.
GAINING = 3


@dataclass(frozen=True)
class Outcome:
    """What came out of one setting; shares in percent.

    Attributes:
        wrong: Tables without any effect in which some difference was decided.
        covered: Intervals that hold the truth: each by itself on a ladder, else all of a table.
        found: Tables in which a true gain of the smallest detectable size was decided.
        gain: That size as the page announces it, in standard deviations.
    """

    kind: str
    model: str
    seeds: int
    variances: str
    wrong: float
    covered: float
    found: float
    gain: float


@dataclass(frozen=True)
class Seen:
    """What the page says of all tables; arrays are (tables, pairs).

    Attributes:
        gains: Differences.
        se: Their standard errors.
        df: Degrees of freedom of these.
        half: Half of the intervals.
        decided: Whether p decides.
        level: At which a pair by itself is decided.
    """

    gains: np.ndarray
    se: np.ndarray
    df: np.ndarray
    half: np.ndarray
    decided: np.ndarray
    level: float


def pairs_of(kind: str) -> list[tuple[int, int]]:
    """Rows that are compared: each, and what with."""
    if kind == "ladder":
        return [(after, before) for before, after in pairwise(range(ROWS))]
    if kind == "baseline":
        return [(row, 0) for row in range(1, ROWS)]
    return [(after, before) for before, after in combinations(range(ROWS), 2)]


def look(values: np.ndarray, kind: str, model: str) -> Seen:
    """What the page would say of each pair.

    Args:
        values: (tables, rows, seeds).
        kind: Of `KINDS`.
        model: Of `MODELS`.
    """
    n, pairs = values.shape[-1], np.array(pairs_of(kind))
    means, variances = values.mean(axis=-1), values.var(axis=-1, ddof=1)
    gains = means[:, pairs[:, 0]] - means[:, pairs[:, 1]]
    if model == "own":
        shares = variances[:, pairs] / n  # (tables, pairs, 2)
        df = shares.sum(axis=-1) ** 2 / ((shares**2).sum(axis=-1) / (n - 1))
        se = np.sqrt(shares.sum(axis=-1))
    else:
        rows, variance = ROWS, variances.mean(axis=-1)
        if model == "paired":
            rows = ROWS - 1
            rest = values - means[..., None] - values.mean(axis=1, keepdims=True)
            rest += values.mean(axis=(1, 2), keepdims=True)
            variance = (rest**2).sum(axis=(1, 2)) / (rows * (n - 1))
        df = np.full(gains.shape, rows * (n - 1.0))
        se = np.broadcast_to(np.sqrt(2 * variance / n)[:, None], gains.shape)
    if model != "own" and kind != "ladder":
        critical = tukey_critical(ROWS, df[0, 0])
        if kind == "baseline":
            critical = dunnett.critical([n] * (ROWS - 1), n, df[0, 0], CONFIDENCE)
        level = 2 * float(stats.t.sf(critical, df[0, 0]))
        return Seen(gains, se, df, critical * se, abs(gains) > critical * se, level)
    if kind == "ladder":
        p = holm(2 * stats.t.sf(abs(gains) / se, df))
        half = stats.t.isf(ALPHA / 2, df) * se
        return Seen(gains, se, df, half, p <= ALPHA, ALPHA / len(pairs))
    level = sidak(len(pairs))
    half = stats.t.isf(level / 2, df) * se
    return Seen(gains, se, df, half, abs(gains) > half, level)


def along(df: np.ndarray, value: Callable[[float], float]) -> np.ndarray:
    """A smooth function of degrees of freedom, which is slow, at many of them."""
    points = np.geomspace(df.min(), df.max(), 40) if df.max() > df.min() else df.flat[:1]
    return np.interp(df, points, [value(point) for point in points])


def games_howell(n: int, tables: int) -> float:
    """Percent of tables without any effect in which Games and Howell's test decides some pair."""
    seen = look(np.random.default_rng(n).normal(size=(tables, ROWS, n)), "all", "own")
    critical = along(seen.df, lambda df: tukey_critical(ROWS, df))
    return 100 * float((abs(seen.gains) > critical * seen.se).any(axis=-1).mean())


def simulate(kind: str, model: str, n: int, variances: str, tables: int = TABLES) -> Outcome:
    """One setting."""
    spread = VARIANCES[variances]
    rng = np.random.default_rng([n, *spread.astype(int)])
    values = rng.normal(size=(tables, ROWS, n)) * np.sqrt(spread)[:, None]
    seen = look(values, kind, model)
    check(values[:CHECKED], kind, model, seen)
    covers = abs(seen.gains) <= seen.half
    covered = covers.mean() if kind == "ladder" else covers.all(axis=-1).mean()
    place = next(place for place, pair in enumerate(pairs_of(kind)) if pair[0] == GAINING)
    announced = seen.se * along(seen.df, lambda df: detectable(df, seen.level))
    gain = float(announced[:, place].mean())
    values[:, GAINING:] += gain if kind == "ladder" else 0.0  # one step, and no other
    values[:, GAINING] += 0.0 if kind == "ladder" else gain
    found = look(values, kind, model).decided[:, place].mean()
    wrong = float(seen.decided.any(axis=-1).mean())
    shares = 100 * wrong, 100 * float(covered), 100 * float(found)
    return Outcome(kind, model, n, variances, *shares, gain)


def check(values: np.ndarray, kind: str, model: str, all_seen: Seen) -> None:
    """The page's own code must say the same of each of these tables."""
    for number, table in enumerate(values):
        samples = {
            str(row): {str(seed): float(value) for seed, value in enumerate(of_row)}
            for row, of_row in enumerate(table)
        }
        own, paired = model == "own", model == "paired"
        rows = Model(samples, frozenset(samples), "own" if own else "pooled", paired)
        pairs = [(str(row), str(against)) for row, against in pairs_of(kind)]
        for place, seen in enumerate(family(rows, kind, pairs)):
            assert seen.low is not None and seen.high is not None and seen.p is not None
            ours = all_seen.gains[number, place] + np.array([-1, 1]) * all_seen.half[number, place]
            np.testing.assert_allclose([seen.low, seen.high], ours)
            assert seen.decided == all_seen.decided[number, place]


def outcomes(tables: int = TABLES) -> list[Outcome]:
    """All settings."""
    return [
        simulate(kind, model, n, variances, tables)
        for model in MODELS
        for kind in KINDS
        for n in SEEDS
        for variances in VARIANCES
    ]


TEMPLATE = Path(__file__).with_name("statistics.md")
RESULTS = Path(__file__).parents[1] / "docs/results"


def page(found: Sequence[Outcome]) -> str:
    """docs/statistics.md, from the words in `TEMPLATE`."""
    body = [
        [
            NAMES[it.kind],
            it.model,
            str(it.seeds),
            it.variances,
            *(f"{value:.1f}" for value in (it.wrong, it.covered, it.found, it.gain)),
        ]
        for it in found
    ]
    header = ["compared", "model", "seeds", "variances"]
    header += ["wrong (%)", "covered (%)", "found (%)", "announced"]
    equal = [it for it in found if it.model == "pooled" and it.variances == "the same"]
    own, paired = ([it for it in found if it.model == model] for model in ("own", "paired"))
    alike = [it for it in paired if it.variances == "the same"]

    def worst(kind: str) -> float:
        return max(it.wrong for it in found if it.model == "pooled" and it.kind == kind)

    def gain(model: str) -> float:
        mine = [it for it in found if it.model == model and it.kind == "ladder"]
        return next(it.gain for it in mine if it.seeds == SEEDS[0])

    return TEMPLATE.read_text(encoding="utf-8").format(
        tables=TABLES,
        rows=ROWS,
        table=grid(header, body),
        margin=2 * sqrt(CONFIDENCE * ALPHA / TABLES) * 100,
        worst=max(it.wrong for it in equal),
        **_span(equal, "low", "high", "least", "most"),
        steps=simulate("ladder", "pooled", SEEDS[1], "3 times, every other row", MANY).wrong,
        many=MANY,
        all=worst("all"),
        baseline=worst("baseline"),
        own=max(it.wrong for it in own),
        **_span(own, "own_low", "own_high", "own_least", "own_most"),
        price=gain("own") / gain("pooled"),
        paired=max(it.wrong for it in alike),
        paired_unlike=max(it.wrong for it in paired),
        toll=100 * (gain("paired") / gain("pooled") - 1),
        **_span(alike, "paired_low", "paired_high", "paired_least", "paired_most"),
        seeds=seed_effects(),
        games_howell=[games_howell(n, TABLES) for n in SEEDS],
    )


def seed_effects(results: Path = RESULTS) -> str:
    """What a seed does to all rows alike, in the committed results that tell it."""
    body = []
    for tier in sorted(path for path in results.iterdir() if path.is_dir()):
        for column in columns(lines(find(tier))):
            both = [model_of(column.observations, paired=paired) for paired in (False, True)]
            row = next(label for label in column.observations if label in both[0][0].pretrained)
            spreads = [model.spread(row) for model, _ in both]
            if None not in spreads:
                what = "pretrainings" if both[0][1] else "runs of one checkpoint a row"
                told = [f"{it.sd:.2f} ({it.df:.0f})" for it in spreads if it]
                body.append([tier.name, column.title, what, *told])
    return grid(["results", "metric", "values", "standard deviation", "within seeds"], body)


def _span(found: Iterable[Outcome], *names: str) -> dict[str, float]:
    found = list(found)
    covered, seen = [it.covered for it in found], [it.found for it in found]
    ends = (min(covered), max(covered), min(seen), max(seen))
    return dict(zip(names, ends, strict=True))


def statistics(
    out: Annotated[Path, typer.Option(help="The page.")] = Path("docs/statistics.md"),
) -> None:
    """Measure how often the statistics of `tricklift compare` are right, on drawn tables."""
    write_text(out, page(outcomes()))
    print(f"done: {out}")
