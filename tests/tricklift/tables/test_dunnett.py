"""Dunnett's test against the published table, scipy's, and Student's t."""

import numpy as np
import pytest
from scipy import stats

from tricklift.tables.dunnett import critical, p_value


@pytest.mark.parametrize(
    ("rows", "df", "published"),
    [
        *((1, 10, 2.23), (2, 10, 2.57), (3, 10, 2.76), (4, 10, 2.89), (5, 10, 2.99)),
        *((2, 12, 2.50), (3, 16, 2.59), (4, 20, 2.65), (6, 20, 2.80), (2, 60, 2.27)),
    ],
)
def test_the_published_critical_values(rows, df, published):
    """Dunnett, Biometrics 20, 1964, p. 482-491, Table II: two-sided, 5 %, rows of one size."""
    assert critical([3] * rows, 3, df, 0.95) == pytest.approx(published, abs=0.006)


@pytest.mark.parametrize("df", [1, 2, 4.5, 14, 300])
def test_one_row_is_students_t(df):
    assert critical([4], 3, df, 0.95) == pytest.approx(stats.t.isf(0.025, df), rel=1e-6)
    for t in (0.0, 0.5, 2.0, 6.0):
        assert p_value(t, [4], 3, df) == pytest.approx(2 * stats.t.sf(t, df), abs=1e-8)


def test_scipys_p():
    """Rows of unequal size; its integral is over random points, good to about 1e-3."""
    rng = np.random.default_rng(0)
    baseline, *rows = (rng.normal(size=n) + n / 2 for n in (4, 1, 3, 2, 5))
    test = stats.dunnett(*rows, control=baseline, rng=0)
    counts = [len(row) for row in rows]
    ours = [p_value(t, counts, 4, 10) for t in test.statistic]
    assert ours == pytest.approx(test.pvalue.tolist(), abs=2e-3)
    assert p_value(-test.statistic[0], counts, 4, 10) == ours[0]


def test_a_p_is_the_confidence_of_its_critical_value():
    counts = [1, 3, 3, 5]
    assert p_value(critical(counts, 3, 9, 0.9), counts, 3, 9) == pytest.approx(0.1, abs=1e-9)
