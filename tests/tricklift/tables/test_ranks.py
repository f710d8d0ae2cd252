"""Ranks, scores and rank correlations, with the bootstrap over pretrainings."""

import numpy as np
import pytest
from scipy import stats

from tricklift.tables.observations import Observations
from tricklift.tables.ranks import correlation, drawn, ranking


def seen(*values: float, pretrained: bool = True) -> Observations:
    return Observations({str(i): {"0": value} for i, value in enumerate(values)}, pretrained)


def test_ranks_of_rows_that_are_far_apart_are_certain():
    rows = {"low": {"x": seen(1.0, 1.1)}, "high": {"x": seen(9.0, 9.2)}, "mid": {"x": seen(5.0)}}
    found = ranking(rows, ["x"])
    assert [row.row for row in found] == ["high", "mid", "low"]
    assert [(it.rank.value, it.rank.low, it.rank.high) for it in found] == [
        (1, 1, 1), (2, 2, 2), (3, 3, 3),
    ]  # fmt: skip


def test_rows_that_overlap_have_wide_ranks():
    rows = {
        name: {"x": seen(*(5 + 0.1 * i + d for d in (-2.0, 0.0, 2.0)))}
        for i, name in enumerate("abc")
    }
    assert {(it.rank.low, it.rank.high) for it in ranking(rows, ["x"])} == {(1, 3)}


def test_scores_weigh_metrics_alike():
    """Deviations of x are -1, 0, 1 and of y 1, 0, -1 of their standard deviations: all tie."""
    rows = {str(i): {"x": seen(16.0 * i), "y": seen(-0.5 * i)} for i in range(3)}
    found = ranking(rows, ["x", "y"])
    assert [it.rank.value for it in found] == [2.0, 2.0, 2.0]
    assert [it.score.value for it in found] == pytest.approx([0.0] * 3, abs=1e-12)
    alone = {it.row: it.score.value for it in ranking(rows, ["x"])}
    assert alone["2"] == pytest.approx(1 / np.std([-1, 0, 1]))


def test_one_pretraining_a_row_has_no_interval():
    rows = {str(i): {"x": seen(float(i))} for i in range(3)}
    rows["start"] = {"x": seen(0.0, 1.0, pretrained=False)}  # says nothing about pretrainings
    assert all(it.rank.low is it.score.low is None for it in ranking(rows, ["x"]))
    assert ranking({}, ["x"]) == []


def test_correlation_is_spearmans():
    top1, other = (1.0, 2.0, 3.0, 4.0, 5.0), (1.0, 2.0, 4.0, 3.0, 5.0)
    rows = [{"a": seen(x), "b": seen(y)} for x, y in zip(top1, other, strict=True)]
    found = correlation(rows, ("a", "b"))
    # one pair of neighbours swapped: 1 - 6 * 2 / (5 * 24)
    assert (found.value, found.low) == (pytest.approx(0.9), None)
    ties = [{"a": seen(x), "b": seen(y)} for x, y in ((1, 1), (1, 2), (3, 2), (4, 0))]
    wanted = stats.spearmanr([1, 1, 3, 4], [1, 2, 2, 0]).statistic
    assert correlation(ties, ("a", "b")).value == pytest.approx(wanted)
    assert correlation([{"a": seen(1.0), "b": seen(i)} for i in range(3)], ("a", "b")) is None


def test_correlation_of_rows_that_overlap_is_uncertain():
    rows = [{"a": seen(i, i + 4.0), "b": seen(i, i + 4.0)} for i in range(5)]
    found = correlation(rows, ("a", "b"))
    # a pretraining that is good in one metric is good in the other: the order stays the same
    assert (found.low, found.high) == pytest.approx((1.0, 1.0))
    apart = [{"a": seen(i, i + 4.0), "b": seen(i + 4.0, i)} for i in range(5)]
    found = correlation(apart, ("a", "b"))
    assert found.low < 0 < found.high


def test_drawn_means_vary_as_means_of_pretrainings_do():
    """Residuals of +-1, grown by sqrt(2), averaged over two: a variance of 2 / 2 = 1."""
    means, others = drawn([{"x": seen(9.0, 11.0)}, {"x": seen(1.0)}], ["x"])
    assert means.tolist() == [[10.0], [1.0]]
    assert others[:, 0, 0].mean() == pytest.approx(10.0, abs=0.1)
    assert others[:, 0, 0].var() == pytest.approx(1.0, rel=0.1)
    assert others[:, 1, 0].var() == pytest.approx(2.0, rel=0.1)  # of one pretraining
