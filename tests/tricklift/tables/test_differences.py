"""Intervals and p of the one model, against hand-made sums, scipy, statsmodels and tables."""

from dataclasses import replace
from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from tricklift.tables import dunnett
from tricklift.tables.differences import (
    KINDS,
    family,
    holm,
    sidak,
    tukey_critical,
)
from tricklift.tables.model import Model, model_of
from tricklift.tables.observations import Observations
from tricklift.tables.power import ALPHA, detectable

ROWS = {"a": (80.1, 80.5, 79.9), "b": (81.0, 81.4, 80.9, 81.2), "c": (82.0, 81.6, 82.3)}


def model(rows: dict, fresh: tuple[str, ...] = (), **options) -> Model:
    samples = {label: {str(i): it for i, it in enumerate(row)} for label, row in rows.items()}
    return Model(samples, frozenset(rows) - set(fresh), **options)


def ends(found) -> tuple[float, float, float]:
    return found.low, found.high, found.p


def test_one_step_is_students_t():
    """0.9583 [0.45077, 1.46589], p 0.0046593: statsmodels 0.15, CompareMeans, usevar pooled."""
    (found,) = family(model({name: ROWS[name] for name in "ab"}), "ladder", [("b", "a")])
    assert found.mean == pytest.approx(81.125 - 80.1666667)
    assert ends(found) == pytest.approx((0.4507744976, 1.4658921690, 0.0046592508))
    for kind in KINDS:  # with a single pair there is nothing to correct for
        same = family(model({name: ROWS[name] for name in "ab"}), kind, [("b", "a")])[0]
        assert ends(same) == pytest.approx(ends(found), rel=1e-6)


def test_own_variances_are_welchs():
    """statsmodels 0.15, CompareMeans, usevar unequal."""
    one = model({name: ROWS[name] for name in "ab"}, variance="own")
    found = family(one, "ladder", [("b", "a")])[0]
    assert ends(found) == pytest.approx((0.3478844374, 1.5687822292, 0.0134569494))


def test_the_standard_deviation_is_pooled_over_all_rows():
    """c is in no pair, and tells how rows vary."""
    found = family(model(ROWS), "ladder", [("b", "a")])[0]
    # squares within: a 0.186667, b 0.1475, c 0.246667; 2 + 3 + 2 degrees of freedom
    se = sqrt((0.1866667 + 0.1475 + 0.2466667) / 7 * (1 / 3 + 1 / 4))
    half = stats.t.isf(0.025, 7) * se
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=1e-5)
    assert found.p == pytest.approx(2 * stats.t.sf(found.mean / se, 7), rel=1e-4)


def test_all_pairs_are_tukeys():
    """statsmodels 0.15, pairwise_tukeyhsd; scipy says the same of rows with several values."""
    found = family(model(ROWS), "all", [("b", "a"), ("c", "a"), ("c", "b")])
    theirs = [
        (0.3104019019, 1.6062647647, 0.0081389386),
        (1.1073321639, 2.4926678361, 0.0003057214),
        (0.1937352353, 1.4895980981, 0.0156492146),
    ]
    for ours, wanted in zip(found, theirs, strict=True):
        assert ends(ours) == pytest.approx(wanted, rel=1e-6)
    scipys = stats.tukey_hsd(*ROWS.values())
    assert [it.p for it in found] == pytest.approx(
        [scipys.pvalue[i, j] for i, j in ((1, 0), (2, 0), (2, 1))]
    )


def test_a_row_of_one_pretraining_takes_part():
    rows = {**ROWS, "d": (83.0,)}
    for kind in KINDS:
        pairs = [(it, "a") for it in "bcd"] if kind != "all" else list(combinations("dcba", 2))
        found = family(model(rows), kind, pairs)[0 if kind == "all" else -1]
        assert found.low is not None and found.p is not None


def test_against_a_baseline_is_dunnetts():
    found = family(model(ROWS), "baseline", [("b", "a"), ("c", "a")])
    counts, critical = (4, 3), dunnett.critical((4, 3), 3, 7, 0.95)
    for ours in found:
        alone = family(model(ROWS), "ladder", [(ours.row, "a")])[0]
        se = (alone.high - alone.low) / 2 / stats.t.isf(0.025, 7)
        assert (ours.high - ours.low) / 2 == pytest.approx(critical * se)
        assert ours.p == pytest.approx(dunnett.p_value(ours.mean / se, counts, 3, 7))


def test_holms_p():
    """statsmodels 0.15, multipletests; the third is held up by the second, the last is over 1."""
    assert holm([0.01, 0.04, 0.03, 0.005, 0.2]).tolist() == pytest.approx(
        [0.04, 0.09, 0.09, 0.025, 0.2]
    )
    assert holm([[0.5, 0.9], [0.9, 0.01]]).tolist() == [[1.0, 1.0], [0.9, 0.02]]


def test_steps_have_intervals_of_their_own_and_p_for_all():
    rows = {**ROWS, "d": (82.1, 82.4, 82.2)}
    alone = family(model(rows), "ladder", [("b", "a")])[0]
    both = family(model(rows), "ladder", [("b", "a"), ("d", "c")])
    assert (both[0].low, both[0].high) == (alone.low, alone.high)
    assert both[0].p == pytest.approx(2 * alone.p)
    assert both[0].decided and not both[1].decided


def test_random_init_has_a_spread_of_its_own():
    rows = {"start": (10.0, 30.0, 20.0), **ROWS}
    with_it = family(model(rows, fresh=("start",)), "ladder", [("b", "a"), ("a", "start")])
    without = family(model(ROWS), "ladder", [("b", "a")])
    assert (with_it[0].low, with_it[0].high) == (without[0].low, without[0].high)
    # its variance of 100 over 3; the rows' share hardly counts, so nearly two degrees of freedom
    half = stats.t.isf(0.025, 2) * sqrt(100 / 3)
    assert (with_it[1].high - with_it[1].low) / 2 == pytest.approx(half, rel=0.02)
    dunnetts = family(
        model(rows, fresh=("start",)), "baseline", [(it, "a") for it in ("b", "c", "start")]
    )
    assert ends(dunnetts[0]) == ends(family(model(ROWS), "baseline", [("b", "a"), ("c", "a")])[0])


@pytest.mark.parametrize("kind", ["baseline", "all"])
def test_with_own_variances_intervals_hold_together_by_sidak(kind):
    pairs = [("b", "a"), ("c", "a")]
    found = family(model(ROWS, variance="own"), kind, pairs)
    assert 1 - (1 - sidak(2)) ** 2 == pytest.approx(ALPHA)
    for pair, together in zip(pairs, found, strict=True):
        single = family(model(ROWS, variance="own"), "ladder", [pair])[0]
        assert together.high - together.low > single.high - single.low
        assert together.p == pytest.approx(1 - (1 - single.p) ** 2)


def many_models() -> list[Model]:
    """Rows of all kinds: with all seeds, without some, of one, of no pretraining, of weights."""
    rng = np.random.default_rng(0)

    def row(*seeds: int) -> dict[str, float]:
        return {str(seed): float(rng.normal(50, 1)) for seed in seeds}

    shapes: list[dict[str, dict[str, float]]] = [
        {"a": row(0, 1, 2), "b": row(0, 1, 2), "c": row(0, 1, 2), "start": row(0, 1, 2)},
        {"a": row(0, 1, 2), "b": row(0), "c": row(0, 1), "start": row(0, 1)},
        {"a": row(0, 1, 2), "b": row(0, 1, 2), "c": row(0, 1), "given": row(9), "start": row(0)},
        {"a": row(0, 1), "b": row(2, 3), "start": row(0, 1), "other start": row(0, 1, 2)},
    ]
    return [
        Model(rows, frozenset(it for it in rows if "start" not in it), variance, paired)
        for rows in shapes
        for variance, paired in (("pooled", False), ("pooled", True), ("own", False))
    ]


@pytest.mark.parametrize("one", many_models())
@pytest.mark.parametrize("kind", ["baseline", "all"])
def test_what_is_decided_has_an_interval_without_0(kind, one):
    """Whatever test it is of: for each difference at just so large a mean, and a bit smaller."""
    rows = list(one.samples)
    baselines = rows if kind == "baseline" else rows[:1]
    for baseline in baselines:
        pairs = [(row, baseline) for row in rows if row != baseline]
        if kind == "all":
            pairs = list(combinations(rows, 2))
        for place, found in enumerate(family(one, kind, pairs)):
            assert (found.test is None) == (found.low is None)
            if found.test is None:
                continue
            half = (found.high - found.low) / 2
            for share, decided in ((1.01, True), (0.99, False)):
                moved = {key: value + share * half - found.mean for key, value in
                         one.samples[found.row].items()}  # fmt: skip
                there = replace(one, samples={**one.samples, found.row: moved})
                seen = family(there, kind, pairs)[place]
                assert seen.decided == (seen.low > 0) == decided, (found, seen)


def test_pairs_within_seeds():
    """Differences 1, 2 and 6: mean 3, standard deviation sqrt(7), Student's t with 2."""
    one = model({"a": (40.0, 50.0, 60.0), "b": (41.0, 52.0, 66.0)}, paired=True)
    found = family(one, "ladder", [("b", "a")])[0]
    half = 4.302653 * sqrt(7 / 3)
    assert (found.mean, found.low, found.high) == pytest.approx((3, 3 - half, 3 + half), abs=1e-5)
    assert found.p == pytest.approx(stats.ttest_rel((41, 52, 66), (40, 50, 60)).pvalue)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_share_no_seed_are_compared_by_all_their_values(kind):
    samples = {label: dict(zip("012", row, strict=True)) for label, row in BLOCKS.items()}
    samples["late"] = {"7": 60.0, "8": 61.0}
    paired, plain = (Model(samples, frozenset(samples), paired=it) for it in (True, False))
    found, same = (family(it, kind, [("late", "a"), ("b", "a")])[0] for it in (paired, plain))
    assert found.mean == same.mean == pytest.approx(60.5 - 151 / 3)
    one, other = (family(it, "ladder", [("late", "a")])[0] for it in (paired, plain))
    assert one == other


BLOCKS = {"a": (40.0, 50.0, 61.0), "b": (41.5, 52.0, 62.0), "c": (44.0, 53.0, 66.0)}


def test_seeds_are_blocks_of_all_rows():
    """Without effects of row and seed 0, 1/6, -1/6 are left of a, four times as much of b, and
    -5 times of c: squares sum to 84 / 36, with (3 - 1) x (3 - 1) degrees of freedom."""
    one = model(BLOCKS, paired=True)
    assert one.spread("a") == one.spread("c")
    assert (one.spread("a").sd, one.spread("a").df) == (pytest.approx(sqrt(84 / 36 / 4)), 4)
    found = family(one, "ladder", [("b", "a")])[0]
    se = sqrt(7 / 12 * 2 / 3)
    half = stats.t.isf(0.025, 4) * se
    assert ends(found) == pytest.approx((1.5 - half, 1.5 + half, 2 * stats.t.sf(1.5 / se, 4)))
    assert found.detectable == pytest.approx(se * detectable(4, ALPHA))
    # power(1.5 / sd * sqrt(n), 2 * (n - 1), 0.05): 0.776 with 5 seeds, 0.865 with 6
    assert found.needed == 6


def test_blocks_with_all_seeds_are_dunnetts_and_tukeys():
    se = sqrt(7 / 12 * 2 / 3)
    for kind, critical in (
        ("baseline", dunnett.critical((3, 3), 3, 4, 0.95)),
        ("all", tukey_critical(3, 4)),
    ):
        found = family(model(BLOCKS, paired=True), kind, [("b", "a"), ("c", "a")])[0]
        assert (found.high - found.low) / 2 == pytest.approx(critical * se)
        assert found.decided == (found.low > 0 or found.high < 0)
    lacking = model({**BLOCKS, "d": (45.0, 51.0)}, paired=True)
    found = family(lacking, "baseline", [("b", "a"), ("d", "a")])[0]
    width = 2 * stats.t.isf(sidak(2) / 2, lacking.spread("a").df)
    assert (found.high - found.low) / width == pytest.approx(lacking.spread("a").sd * sqrt(2 / 3))


@pytest.mark.parametrize("kind", ["baseline", "all"])
def test_a_row_that_shares_no_seed_is_beside_the_tests_of_the_others(kind):
    """Such as given weights: one observation, whatever the seeds of the runs from it."""
    samples = {label: dict(zip("012", row, strict=True)) for label, row in BLOCKS.items()}
    given = {"d3f6": 70.0}
    one = Model({**samples, "given": given}, frozenset((*samples, "given")), paired=True)
    pairs = [("b", "a"), ("c", "a"), ("given", "a")]
    found = family(one, kind, pairs)
    alone = family(model(BLOCKS, paired=True), kind, pairs[:2])
    for there, here in zip(found[:2], alone, strict=True):
        assert ends(there) == pytest.approx(ends(here)) and there.needed == here.needed
    by_itself = family(one.unpaired(), "ladder", pairs[2:])[0]
    assert ends(found[2]) == pytest.approx(ends(by_itself))


def test_what_a_seed_does_to_all_rows_does_not_count():
    moved = {label: (row[0], row[1] + 100, row[2] - 7) for label, row in BLOCKS.items()}
    for kind in KINDS:
        there, here = (
            family(model(rows, paired=True), kind, [("b", "a"), ("c", "a")])
            for rows in (moved, BLOCKS)
        )
        for one, other in zip(there, here, strict=True):
            assert ends(one) == pytest.approx(ends(other))


def test_a_seed_that_a_row_lacks_is_left_out_of_its_differences():
    one = model({**BLOCKS, "d": (45.0,)}, paired=True)
    there, here = one.spread("d"), model(BLOCKS, paired=True).spread("a")
    assert (there.sd, there.df) == (pytest.approx(here.sd), here.df)  # one value tells no spread
    found = family(one, "ladder", [("d", "c"), ("b", "a")])
    assert found[0].mean == 1.0
    widths = [it.high - it.low for it in found]
    assert widths[0] == pytest.approx(sqrt(3) * widths[1])


def test_random_init_is_compared_by_all_its_values():
    rows = {**BLOCKS, "start": (10.0, 30.0, 20.0)}
    paired, plain = (
        family(model(rows, fresh=("start",), paired=it), "ladder", [("a", "start"), ("b", "a")])
        for it in (True, False)
    )
    assert (paired[0].low, paired[0].high) == (plain[0].low, plain[0].high)
    alone = family(model(BLOCKS, paired=True), "ladder", [("b", "a")])[0]
    assert (paired[1].low, paired[1].high) == pytest.approx((alone.low, alone.high))


def test_without_a_spread_there_is_a_difference_alone():
    for rows in ({"a": (1.0,), "b": (3.0,)}, {"a": (1.0, 1.0), "b": (3.0, 3.0)}):
        for kind in KINDS:
            found = family(model(rows), kind, [("b", "a")])[0]
            assert (found.mean, found.low, found.p, found.needed) == (2.0, None, None, None)


def test_checkpoints_have_intervals_and_no_p():
    runs = {"0": {"0": 40.0, "1": 42.0, "2": 44.0}}
    rows = {"a": Observations(runs), "b": Observations({"0": {"0": 50.0, "1": 51.0}})}
    one, tested = model_of(rows)
    assert not tested
    assert one.samples["a"] == {"0": 40.0, "1": 42.0, "2": 44.0}
    found = family(one, "ladder", [("b", "a")], tested)[0]
    assert found.low is not None
    assert (found.p, found.detectable, found.needed, found.decided) == (None, None, None, False)


def test_several_pretrainings_of_one_row_are_enough_for_all():
    several = Observations({"0": {"0": 40.0, "1": 42.0}, "1": {"0": 45.0}})
    one, tested = model_of({"a": several, "b": Observations({"0": {"0": 50.0, "1": 51.0}})})
    assert tested
    assert one.samples == {"a": {"0": 41.0, "1": 45.0}, "b": {"0": 50.5}}


def test_what_a_difference_says_of_itself():
    found = family(model({name: ROWS[name] for name in "ab"}), "ladder", [("b", "a")])[0]
    se = (found.high - found.low) / 2 / stats.t.isf(0.025, 5)
    assert found.alone == found.detectable == pytest.approx(se * detectable(5))
    assert found.needed is None  # decided


def test_how_many_pretrainings_would_decide():
    """17 for one standard deviation: statsmodels 0.15, solve_power(effect_size=1) is 16.71."""
    rows = {"a": (0.0, 1.0, 2.0), "b": (1.0, 2.0, 3.0)}  # standard deviation 1, difference 1
    assert family(model(rows), "ladder", [("b", "a")])[0].needed == 17
    # with a third row that varies alike, degrees of freedom are more and 17 stay enough
    third = {**rows, "c": (7.0, 8.0, 9.0)}
    assert family(model(third), "ladder", [("b", "a")])[0].needed in (16, 17)
    near = {"a": (0.0, 1.0, 2.0), "b": (0.01, 1.01, 2.01)}
    assert family(model(near), "ladder", [("b", "a")])[0].needed is None  # 157,000
