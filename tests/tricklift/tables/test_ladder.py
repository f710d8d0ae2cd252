"""Steps of a ladder: pairing by seed, Student's interval, rank correlation."""

from pathlib import Path

import pytest

from tricklift.tables import page as tables
from tricklift.tables.compare import build_rows, lines
from tricklift.tables.ladder import foresight, step
from tricklift.tables.records import Record

METRICS = {"cls": "top1", "det": "voc_map", "seg": "miou"}


def run(row: str, task: str, value: float, seed: int = 0, origin: int | None = 0) -> Record:
    """A finished run; `origin` is the seed of its pretraining, None for random init."""
    held = {"config_hash": row, "seed": str(origin)} if origin is not None else None
    data = {"status": "done", "task": task, "tier": "small", "dataset": "d", "protocol": "p"}
    data |= {"row": row, "backbone": "b", "seed": seed, "metrics": {METRICS[task]: value}}
    data |= {"config": f"{task}.py", "config_hash": row if task == "cls" else task}
    data |= {"pretrained": {**held, "file": f"{row}{origin}"} if held and task != "cls" else None}
    return Record(Path(f"{row}-{task}-{seed}"), data)


def test_differences_are_paired_by_seed():
    base = [run("B-standard", "det", value, seed) for seed, value in enumerate((40.0, 50.0, 60.0))]
    gains = (1.0, 2.0, 6.0)
    other = [run("D-efficient", "det", 40 + 10 * i + gains[i], i) for i in (2, 0, 1)]
    above, line = lines([*base, *other])
    found = step(above, line, "voc_map")
    # mean 3; deviations -2, -1, 3: s = sqrt(14 / 2) = sqrt(7); t(0.975, 2) = 4.302653
    half = 4.302653 * (7 / 3) ** 0.5
    assert (found.mean, found.pairs) == (3.0, 3)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=1e-5)
    assert tables.gain(found) == "+3.00 [-3.57, +9.57]"
    assert step(above, line, "miou") is None


def test_seeds_that_only_one_row_has_do_not_count():
    runs = [run("B-standard", "det", 40.0, 0), run("D-efficient", "det", 41.0, 0)]
    runs += [run("D-efficient", "det", 90.0, 1), run("D-efficient", "det", 90.0, 0, origin=1)]
    above, line = lines(runs)
    found = step(above, line, "voc_map")
    assert (found.mean, found.low, found.pairs) == (1.0, None, 1)
    assert tables.gain(found) == "+1.00"


def test_against_random_initialisation_the_downstream_seed_pairs():
    runs = [run("random init", "seg", 10.0, 0, origin=None)]
    runs += [run("B-standard", "seg", value, 0, origin) for origin, value in ((0, 30.0), (1, 34.0))]
    above, line = lines(runs)
    assert step(above, line, "miou").mean == 22.0


def ladder(downstream: list[float]) -> list:
    rows = ["B-standard", "D-efficient", "+ cosine", "+ smooth", "+ distill w/o mixup"]
    runs = [run(row, "cls", 80.0 + place) for place, row in enumerate(rows)]
    runs += [run(row, "det", value) for row, value in zip(rows, downstream, strict=True)]
    return lines(runs)


def test_rank_correlation_has_an_exact_p():
    found = foresight(ladder([1.0, 2.0, 4.0, 8.0, 16.0]), "voc_map")
    # all five ranks agree; of 5! = 120 orders one is as good and its reverse as far: p = 2 / 120
    assert (found.rho, found.rows) == (pytest.approx(1.0), 5)
    assert found.p == pytest.approx(2 / 120)
    # one neighbouring pair swapped: sum of squared rank differences 2, 1 - 6 * 2 / (5 * 24) = 0.9
    assert foresight(ladder([1.0, 2.0, 8.0, 4.0, 16.0]), "voc_map").rho == pytest.approx(0.9)


def test_rank_correlation_needs_rows_that_differ():
    assert foresight(ladder([5.0] * 5), "voc_map").rho is None
    assert foresight(ladder([1.0, 2.0, 3.0, 4.0, 5.0])[:2], "voc_map") is None
    assert foresight(ladder([1.0, 2.0, 3.0, 4.0, 5.0]), "miou") is None


def page(runs: list[Record], folder: Path) -> str:
    for record in runs:
        record.data.update(machine={}, wall_seconds=1.0, epochs=1, started="", commit=None)
    return tables.to_markdown(build_rows(runs), runs, folder)


def test_the_page_has_the_steps(tmp_path):
    runs = [run("B-standard", "cls", 80.0), run("B-standard", "det", 40.0)]
    runs += [run("D-efficient", "cls", 82.0), run("D-efficient", "det", 41.5)]
    text = page(runs, tmp_path)
    assert "| D-efficient | +2.00 | +1.50 | - | - |" in text
    assert "pretrained once" not in text  # without a second seed there is no interval to explain


def test_the_page_says_what_the_intervals_leave_out(tmp_path):
    runs = [run(row, "cls", 80.0) for row in ("B-standard", "D-efficient")]
    runs += [
        run(row, "det", 40.0, seed) for row in ("B-standard", "D-efficient") for seed in (0, 1)
    ]
    assert "Each row was pretrained once: the intervals hold" in page(runs, tmp_path)
    runs.append(run("D-efficient", "cls", 81.0, seed=1))
    assert "pretrained once" not in page(runs, tmp_path)
