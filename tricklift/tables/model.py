"""The one model of all pages: what rows' observations vary by.

An observation is one pretraining. Observations are normal around their row's mean; all rows with a
pretraining have one standard deviation, estimated from all of them ("pooled"). Rows without a
pretraining have one of their own. With `variance="own"` each row has its own. With `paired=True`
a seed moves all rows of one spread alike, and what is left over has the one standard deviation
(randomised blocks); a difference of such rows is taken within the seeds that both have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from tricklift.tables.observations import Observations

#: What a row's standard deviation is taken from.
VARIANCES = ("pooled", "own")


@dataclass(frozen=True)
class Spread:
    """A standard deviation and its degrees of freedom."""

    sd: float
    df: float


@dataclass(frozen=True)
class Raw:
    """A difference before its family is looked at; `equal`: as `Model.together` of both rows."""

    mean: float
    se: float
    df: float
    equal: bool

    @property
    def t(self) -> float:
        """The difference in standard errors, without its sign."""
        return abs(self.mean) / self.se


def pooled(samples: Sequence[Sequence[float]]) -> Spread | None:
    """Standard deviation within samples; None where it is not known, or zero."""
    import numpy as np

    df = sum(len(sample) - 1 for sample in samples if len(sample) > 1)
    squares = sum(float(np.var(sample)) * len(sample) for sample in samples)
    return Spread(sqrt(squares / df), df) if df and squares > 0 else None


def within_seeds(samples: Sequence[Mapping[str, float]]) -> Spread | None:
    """Standard deviation of what neither the row nor the seed tells; None as in `pooled`.

    By least squares of row and seed effects, so that rows may lack seeds. With all seeds in all
    rows there are (rows - 1) x (seeds - 1) degrees of freedom.

    Args:
        samples: Of each row, its observations by seed.
    """
    import numpy as np

    seeds = list(dict.fromkeys(seed for row in samples for seed in row))
    cells = [(row, seeds.index(seed)) for row, sample in enumerate(samples) for seed in sample]
    values = np.array([value for sample in samples for value in sample.values()])
    rows, blocks = np.array(cells).T
    effects = np.hstack([np.eye(len(samples))[rows], np.eye(len(seeds))[blocks]])
    found, _, rank, _ = np.linalg.lstsq(effects, values)
    df = len(values) - int(rank)
    squares = float(((values - effects @ found) ** 2).sum())
    return Spread(sqrt(squares / df), df) if df and squares > 1e-20 * values @ values else None


@dataclass(frozen=True)
class Model:
    """Rows, and how they vary.

    Attributes:
        samples: Label -> observations, each with what it is paired by.
        pretrained: Labels of rows with a pretraining.
        variance: Of `VARIANCES`.
        paired: Whether differences are taken within what observations are paired by, their seeds.
    """

    samples: Mapping[str, Mapping[str, float]]
    pretrained: frozenset[str]
    variance: str = "pooled"
    paired: bool = False

    def values(self, label: str) -> list[float]:
        """The observations of a row."""
        return list(self.samples[label].values())

    def mates(self, label: str) -> list[str]:
        """The rows whose observations tell how this one varies."""
        if self.variance == "own":
            return [label]
        return [it for it in self.samples if (it in self.pretrained) == (label in self.pretrained)]

    def blocks(self, label: str) -> list[str]:
        """The mates that one is compared with, itself too: if paired, those that share seeds."""
        mates = self.mates(label)
        sharing = [it for it in mates if any(self.shared(it, mate) for mate in mates if mate != it)]
        return sharing or mates

    def spread(self, label: str) -> Spread | None:
        """Of the observations of a row; within seeds if they are paired."""
        if self.paired:
            return within_seeds([self.samples[mate] for mate in self.mates(label)])
        return pooled([self.values(mate) for mate in self.mates(label)])

    def shared(self, row: str, against: str) -> list[str]:
        """What two rows of one spread are paired by; nothing unless they are."""
        if not self.paired or against not in self.mates(row):
            return []
        return [key for key in self.samples[row] if key in self.samples[against]]

    def unpaired(self) -> "Model":
        """The model of two rows that share nothing."""
        return replace(self, paired=False)

    def raw(self, row: str, against: str) -> tuple[float, Raw | None]:
        """The difference of the means, and what its interval is made from, if that is known."""
        if self.paired:
            if self.shared(row, against):
                return self._within(row, against)
            mean, raw = self.unpaired().raw(row, against)
            return mean, raw and replace(raw, equal=False)
        import numpy as np

        mean = float(np.mean(self.values(row)) - np.mean(self.values(against)))
        one, other = self.spread(row), self.spread(against)
        if one is None or other is None:
            return mean, None
        shares = [
            one.sd**2 / len(self.samples[row]),
            other.sd**2 / len(self.samples[against]),
        ]
        equal = against in self.mates(row)
        df = one.df if equal else _satterthwaite(shares, [one.df, other.df])
        return mean, Raw(mean, sqrt(sum(shares)), df, equal)

    def _within(self, row: str, against: str) -> tuple[float, Raw | None]:
        ones, others = self.samples[row], self.samples[against]
        gains = [ones[key] - others[key] for key in self.shared(row, against)]
        mean = sum(gains) / len(gains)
        spread = self.spread(row)
        if spread is None:
            return mean, None
        return mean, Raw(mean, spread.sd * sqrt(2 / len(gains)), spread.df, self.together(row))

    def together(self, label: str) -> bool:
        """Whether the rows beside one share its spread, and all their seeds if they are paired.

        A row that shares none with any, such as one from given weights, is beside the others.
        """
        rows = [self.samples[row] for row in self.blocks(label)]
        return self.variance == "pooled" and not (
            self.paired and any(row.keys() != rows[0].keys() for row in rows)
        )


def _satterthwaite(shares: Sequence[float], dfs: Sequence[float]) -> float:
    """Degrees of freedom of a sum of variances of means."""
    parts = (share**2 / df for share, df in zip(shares, dfs, strict=True))
    return float(sum(shares) ** 2 / sum(parts))


def model_of(
    rows: Mapping[str, Observations], variance: str = "pooled", paired: bool = False
) -> tuple[Model, bool]:
    """The model of some rows, and whether it speaks of pretrainings.

    Where every row has a single pretraining, the observations are its runs, and what is said holds
    for these checkpoints alone.
    """
    pretrained = frozenset(label for label, row in rows.items() if row.pretrained)
    several = any(len(rows[label].values) > 1 for label in pretrained or rows)
    samples: dict[str, dict[str, float]] = {}
    for label, row in rows.items():
        if several or not row.pretrained:
            samples[label] = dict(zip(row.runs, row.values, strict=True))
        else:
            samples[label] = dict(next(iter(row.runs.values())))
    return Model(samples, pretrained, variance, paired), several
