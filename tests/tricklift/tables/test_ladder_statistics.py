"""Steps of a ladder: pairing by seed, Student's interval, permutations, rank correlation."""

import pytest

from tricklift.tables.compare import lines
from tricklift.tables.ladder_page import gain
from tricklift.tables.ladder_statistics import PERMUTATIONS, omnibus_test, rank_correlation, step


def test_differences_are_paired_by_seed(run):
    base = [run("B-standard", "det", value, seed) for seed, value in enumerate((40.0, 50.0, 60.0))]
    gains = (1.0, 2.0, 6.0)
    other = [run("D-efficient", "det", 40 + 10 * i + gains[i], i) for i in (2, 0, 1)]
    above, line = lines([*base, *other])
    found = step(above, line, "voc_map")
    # mean 3; deviations -2, -1, 3: s = sqrt(14 / 2) = sqrt(7); t(0.975, 2) = 4.302653
    half = 4.302653 * (7 / 3) ** 0.5
    assert found.mean == 3.0
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=1e-5)
    assert gain(found) == "+3.00 [-3.57, +9.57]"
    assert step(above, line, "miou") is None


def test_seeds_that_only_one_row_has_do_not_count(run):
    runs = [run("B-standard", "det", 40.0, 0), run("D-efficient", "det", 41.0, 0)]
    runs += [run("D-efficient", "det", 90.0, 1), run("D-efficient", "det", 90.0, 0, origin=1)]
    above, line = lines(runs)
    found = step(above, line, "voc_map")
    assert (found.mean, found.low) == (1.0, None)
    assert gain(found) == "+1.00"


def test_against_random_initialisation_the_downstream_seed_pairs(run):
    runs = [run("random init", "seg", 10.0, 0, origin=None)]
    runs += [run("B-standard", "seg", value, 0, origin) for origin, value in ((0, 30.0), (1, 34.0))]
    above, line = lines(runs)
    assert step(above, line, "miou").mean == 22.0


def test_differences_are_averaged_within_a_pretraining(run):
    gains = {(0, 0): 1.0, (0, 1): 3.0, (1, 0): 5.0, (1, 1): 6.0, (1, 2): 7.0}
    runs = [run("B-standard", "det", 40.0, seed, origin) for origin, seed in gains]
    runs += [
        run("D-efficient", "det", 40 + more, seed, origin) for (origin, seed), more in gains.items()
    ]
    found = step(*lines(runs), "voc_map")
    # 2 and 6 a pretraining: mean 4, deviations -2 and 2: s = sqrt(8); t(0.975, 1) = 12.706205
    half = 12.706205 * (8 / 2) ** 0.5
    assert found.mean == 4.0
    assert (found.low, found.high) == pytest.approx((4 - half, 4 + half), abs=1e-4)


def test_pretrainings_that_only_one_row_has_leave_the_downstream_seeds(run):
    runs = [run("B-standard", "det", 40.0, seed) for seed in (0, 1)]
    runs += [run("D-efficient", "det", 41.0 + seed, seed) for seed in (0, 1)]
    runs += [run("D-efficient", "det", 90.0, seed, origin=1) for seed in (0, 1)]
    found = step(*lines(runs), "voc_map")
    # gains 1 and 2: s = sqrt(1 / 2); t(0.975, 1) = 12.706205
    half = 12.706205 * (1 / 2 / 2) ** 0.5
    assert found.mean == 1.5
    assert found.high - found.mean == pytest.approx(half, abs=1e-4)


def test_against_random_initialisation_pretrainings_are_averaged_within_a_downstream_seed(run):
    runs = [run("random init", "seg", 10.0, seed, origin=None) for seed in (0, 1)]
    runs += [
        run("B-standard", "seg", value, seed, origin)
        for (origin, seed), value in {(0, 0): 30, (1, 0): 34, (0, 1): 24, (1, 1): 28}.items()
    ]
    found = step(*lines(runs), "miou")
    # 32 - 10 and 26 - 10: mean 19, deviations 3 and -3: s = sqrt(18)
    half = 12.706205 * (18 / 2) ** 0.5
    assert found.mean == 19.0
    assert found.high - found.mean == pytest.approx(half, abs=1e-4)


ROWS = (
    "B-baseline", "D-tricks", "B-standard", "D-efficient", "+ cosine", "+ smooth",
    "+ distill w/o mixup", "+ mixup w/o distill",
)  # fmt: skip


@pytest.fixture
def ladder(run):
    """Lines of as many rows as it gets downstream values, with rising top-1."""

    def build(downstream: list[float]) -> list:
        rows = ROWS[: len(downstream)]
        runs = [run(row, "cls", 80.0 + place) for place, row in enumerate(rows)]
        runs += [run(row, "det", value) for row, value in zip(rows, downstream, strict=True)]
        return lines(runs)

    return build


def test_rank_correlation_has_an_exact_p(ladder):
    found = rank_correlation(ladder([1.0, 2.0, 4.0, 8.0, 16.0]), "voc_map")
    # all five ranks agree; of 5! = 120 orders one is as good and its reverse as far: p = 2 / 120
    assert (found.rho, found.rows, found.exact) == (pytest.approx(1.0), 5, True)
    assert found.p == pytest.approx(2 / 120)
    # one neighbouring pair swapped: sum of squared rank differences 2, 1 - 6 * 2 / (5 * 24) = 0.9
    assert rank_correlation(ladder([1.0, 2.0, 8.0, 4.0, 16.0]), "voc_map").rho == pytest.approx(0.9)


def test_beyond_seven_rows_p_is_over_drawn_orders(ladder):
    found = rank_correlation(ladder([2.0**place for place in range(8)]), "voc_map")
    # one order of 8! = 40320 is as good, so that few or none are drawn, beside the rows' own
    assert (found.rho, found.rows, found.exact) == (pytest.approx(1.0), 8, False)
    assert 2 / (PERMUTATIONS + 1) <= found.p < 0.002


def test_rank_correlation_needs_rows_that_differ(ladder):
    assert rank_correlation(ladder([5.0] * 5), "voc_map").rho is None
    assert rank_correlation(ladder([1.0, 2.0, 3.0, 4.0, 5.0])[:2], "voc_map") is None
    assert rank_correlation(ladder([1.0, 2.0, 3.0, 4.0, 5.0]), "miou") is None


def grid_of(run, values: list[list[float]], task: str = "det") -> list:
    """Lines of rows (a list each) with a value for each downstream seed."""
    told = [(row, list(enumerate(of_row))) for row, of_row in zip(ROWS, values, strict=False)]
    return lines(run(row, task, value, seed) for row, of_row in told for seed, value in of_row)


def test_rows_that_keep_their_order_in_each_seed_differ(run):
    rows = [[10.0, 12.0, 11.0], [20.0, 22.0, 21.0], [30.0, 32.0, 31.0]]
    p, count, blocks = omnibus_test(grid_of(run, rows), "voc_map")
    # of 3! ^ 3 = 216 ways to shuffle within the seeds, 6 have the same order in all three
    assert (count, blocks, p) == (3, 3, pytest.approx(6 / 216))


def test_rows_that_change_their_order_do_not_differ(run):
    p, *_ = omnibus_test(grid_of(run, [[10.0, 30.0], [20.0, 20.0], [30.0, 10.0]]), "voc_map")
    assert p == 1.0  # all means are 20: every order has them as far apart


def test_whether_rows_differ_takes_three_rows_of_two_seeds(run):
    rows = [[10.0, 11.0], [20.0, 21.0], [30.0]]
    assert omnibus_test(grid_of(run, rows), "voc_map") is None  # one seed is shared
    assert omnibus_test(grid_of(run, rows[:2]), "voc_map") is None
    assert omnibus_test(grid_of(run, rows), "miou") is None


def test_pretrainings_are_blocks_where_there_are_several(run):
    """Two runs of each of two pretrainings are two blocks: 3! ^ 2 = 36 ways, 6 as far apart."""
    runs = [
        run(row, "det", 10.0 * place + origin + seed, seed, origin)
        for place, row in enumerate(ROWS[:3])
        for origin in (0, 1)
        for seed in (0, 1)
    ]
    p, _, blocks = omnibus_test(lines(runs), "voc_map")
    assert (blocks, p) == (2, pytest.approx(6 / 36))
