"""Dunnett's test of rows against one, by Gauss' quadrature.

`scipy.stats.dunnett` integrates by random points and searches on what they give: of one row of four
against a baseline of three, scipy 1.17's 95 % interval was one of 94.7 %, with a warning, and p was
1e-4 off. This gives the same digits everywhere; tests hold it against scipy's, Student's t and the
published table.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NODES = 128
#: What is left out of the distribution of the standard deviation, on each side.
TAIL = 1e-13


def p_value(t: float, counts: Sequence[int], baseline: int, df: float) -> float:
    """How often, without any effect, some row is as far from the baseline as t.

    Args:
        t: Difference in standard errors.
        counts: Observations of each row but the baseline.
        baseline: Observations of that.
        df: Degrees of freedom of the pooled standard deviation.

    Source: Dunnett, Journal of the American Statistical Association 50, 1955, p. 1096-1121.
    """
    return min(max(1 - _within(abs(t), tuple(sorted(counts)), baseline, df), 0.0), 1.0)


def critical(counts: Sequence[int], baseline: int, df: float, confidence: float) -> float:
    """The t that no row reaches, without any effect, at a confidence; arguments as above."""
    return _critical(tuple(sorted(counts)), baseline, df, confidence)


@cache
def _critical(counts: tuple[int, ...], baseline: int, df: float, confidence: float) -> float:
    from scipy import optimize, stats

    # Bonferroni's is beyond it, Student's before it
    least, most = (
        float(stats.t.isf((1 - confidence) / 2 / several, df)) for several in (1, len(counts))
    )
    return float(
        optimize.brentq(
            lambda t: _within(t, counts, baseline, df) - confidence, 0.99 * least, 1.01 * most
        )
    )


def _within(t: float, counts: tuple[int, ...], baseline: int, df: float) -> float:
    """How often all rows stay within t: their deviations share that of the baseline."""
    import numpy as np
    from scipy import special

    scale, weights = _scales(df)
    z, of_z = special.roots_hermitenorm(NODES)
    total = np.ones((NODES, NODES))
    for n in counts:
        shared = 1 / np.sqrt(baseline / n + 1)
        own = np.sqrt(1 - shared**2)
        bound, away = t * scale[:, None], shared * z
        total *= special.ndtr((bound - away) / own) - special.ndtr((-bound - away) / own)
    return float(weights @ total @ of_z / np.sqrt(2 * np.pi))


@cache
def _scales(df: float) -> "tuple[np.ndarray, np.ndarray]":
    """Estimated over true standard deviation: nodes, and weights that sum to 1."""
    import numpy as np
    from scipy import special, stats

    nodes, weights = special.roots_legendre(NODES)
    low, high = np.sqrt(stats.chi2.ppf([TAIL, 1 - TAIL], df) / df)
    scale = (low + high) / 2 + nodes * (high - low) / 2
    weights = weights * stats.chi2.pdf(df * scale**2, df) * scale
    return scale, weights / weights.sum()
