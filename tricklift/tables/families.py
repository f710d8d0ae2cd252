"""Comparisons of a column's rows whose p hold together, and what they rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import fmean

from tricklift.tables.columns import Column
from tricklift.tables.differences import Difference, family
from tricklift.tables.model import Model, Spread, model_of
from tricklift.tables.power import detectable


@dataclass(frozen=True)
class Family:
    """Comparisons whose p hold together.

    Attributes:
        kind: `ladder`, `baseline`, `all` or `claims`.
        tier: Of the runs.
        metric: Of `COLUMNS`.
        title: The column's.
        paired: Whether they are taken within seeds.
        tested: Whether observations are pretrainings. If not, each row has one pretraining,
            observations are its runs, and what is said holds for these checkpoints alone.
        spread: Standard deviation over observations of the rows with a pretraining (within seeds if
            they are paired); None unless it is pooled, and known.
        within: The same within seeds, where differences are not.
        counts: Observations of each row.
        pretrained: Rows with a pretraining; if paired, those that share a seed with another.
        apart: Pairs with pretraining that are to be compared within seeds, and share none.
        differences: One a pair.
    """

    kind: str
    tier: str
    metric: str
    title: str
    paired: bool
    tested: bool
    spread: Spread | None
    within: Spread | None
    counts: Mapping[str, int]
    pretrained: Sequence[str]
    apart: Sequence[tuple[str, str]]
    differences: Sequence[Difference]

    def typical(self, size: str) -> float | None:
        """Mean `detectable` or `alone` of the differences between rows with a pretraining."""
        rows = set(self.pretrained)
        values = [getattr(it, size) for it in self.differences if {it.row, it.against} <= rows]
        known = [value for value in values if value is not None]
        return fmean(known) if known else None

    def with_more(self, pretrainings: int) -> float | None:
        """The mean of `alone`, had each row so many pretrainings that vary as these do."""
        if self.spread is None or not self.tested:
            return None
        rows = len(self.pretrained) - self.paired
        se = self.spread.sd * sqrt(2 / pretrainings)
        return se * detectable(rows * (pretrainings - 1))


def family_of(
    kind: str,
    column: Column,
    pairs: Sequence[tuple[str, str]],
    variance: str = "pooled",
    paired: bool = False,
) -> Family:
    """Some pairs of a column, compared.

    Args:
        kind: Of `tricklift.tables.differences.KINDS`.
        column: It.
        pairs: Labels, each row and what it is compared with.
        variance: Of `tricklift.tables.model.VARIANCES`.
        paired: Whether within seeds.
    """
    rows = column.observations
    model, tested = model_of(rows, variance, paired)
    pretrained = [label for label in rows if label in model.pretrained]
    shared = pretrained and variance == "pooled"
    if shared:
        pretrained = model.blocks(pretrained[0])
    blocks = replace(model, paired=True)
    return Family(
        kind,
        column.tier,
        column.metric,
        column.title,
        model.paired,
        tested,
        model.spread(pretrained[0]) if shared else None,
        blocks.spread(pretrained[0]) if shared and not paired else None,
        {label: len(model.samples[label]) for label in rows},
        pretrained,
        _apart(model, pairs),
        family(model, kind, pairs, tested),
    )


def _apart(model: Model, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs of one spread that are to be compared within seeds, and share none."""
    return [
        (row, against)
        for row, against in pairs
        if model.paired and against in model.mates(row) and not model.shared(row, against)
    ]
