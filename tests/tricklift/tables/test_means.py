"""The interval of a row's mean, by hand and beside scipy's."""

import pytest
from scipy import stats

from tricklift.tables.means import means
from tricklift.tables.observations import Observations


def row(*values: float, pretrained: bool = True) -> Observations:
    runs = {str(seed): {str(seed): value} for seed, value in enumerate(values)}
    return Observations(runs, pretrained)


def test_one_spread_for_all_rows_with_a_pretraining():
    """Squares 2 and 8 over 4 degrees of freedom: s = sqrt(2.5); t(0.975, 4) = 2.7764, n = 3."""
    found = means({"a": row(9, 10, 11), "b": row(18, 20, 22), "c": row(5)})
    half = 2.7764451052 * 2.5**0.5 / 3**0.5
    for label, mean in (("a", 10), ("b", 20)):
        assert (found[label].value, found[label].low) == pytest.approx((mean, mean - half))
        assert found[label].high == pytest.approx(mean + half)
    assert found["c"].high - found["c"].value == pytest.approx(2.7764451052 * 2.5**0.5)


def test_a_spread_of_its_own_is_students_t():
    values = (1.0, 2.0, 4.0, 4.5)
    found = means({"a": row(*values), "b": row(0, 50)}, variance="own")["a"]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_without_a_spread_there_is_no_interval():
    found = means({"a": row(3.0), "b": row(4.0)})["a"]
    assert (found.value, found.low, found.high) == (3.0, None, None)
