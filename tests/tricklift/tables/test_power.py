"""Power of a t test, against statsmodels."""

from math import sqrt

import pytest

from tricklift.tables.power import detectable, power


@pytest.mark.parametrize(("n", "size"), [(3, 3.0708923), (5, 2.0244401)])
def test_the_smallest_detectable_gain(n, size):
    """In standard deviations: statsmodels 0.15, TTestIndPower().solve_power(nobs1=n, power=0.8)."""
    assert sqrt(2 / n) * detectable(2 * n - 2) == pytest.approx(size, rel=1e-6)


def test_power():
    """statsmodels 0.15, TTestIndPower().power(1.5, n, 0.05)."""
    assert power(1.5 * sqrt(3 / 2), 4, 0.05) == pytest.approx(0.2931947003)
    assert power(1.5 * sqrt(5 / 2), 8, 0.05) == pytest.approx(0.5493855978)
    assert power(0.0, 4, 0.05) == pytest.approx(0.05)
    assert power(50.0, 4, 0.05) == 1.0
