"""The mean of each row with its interval, under the model of `tricklift.tables.model`."""

from collections.abc import Mapping
from math import sqrt

from tricklift.tables.model import model_of
from tricklift.tables.observations import Observations
from tricklift.tables.power import ALPHA
from tricklift.tables.ranks import Interval


def means(rows: Mapping[str, Observations], variance: str = "pooled") -> dict[str, Interval]:
    """Label -> the mean over pretrainings with its 95 % interval, each by itself (Student's t).

    Without an end where nothing tells the spread. Where no row was pretrained more than once, the
    intervals are over the runs of these checkpoints.

    Args:
        rows: Observations of one column.
        variance: `pooled`, or `own`: what the standard deviation is taken from.
    """
    from scipy import stats

    model, _ = model_of(rows, variance)
    found = {}
    for label, row in rows.items():
        spread = model.spread(label)
        if spread is None:
            found[label] = Interval(row.mean)
            continue
        half = float(stats.t.isf(ALPHA / 2, spread.df)) * spread.sd
        half /= sqrt(len(model.samples[label]))
        found[label] = Interval(row.mean, row.mean - half, row.mean + half)
    return found
