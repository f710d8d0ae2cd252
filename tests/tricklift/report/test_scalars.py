"""Curves from what mmengine logs."""

import json
import shutil

import pytest
from left_runs import left

from tricklift.records.results import METRICS as OF_RESULTS
from tricklift.report import scalars
from tricklift.tables.records import read


@pytest.fixture
def run(tiny_root, tmp_path):
    """A run of two epochs of four iterations, validated after each."""
    return left(tmp_path, tiny_root, "det", "a", 0)


def test_curves_are_over_iterations(run):
    found = scalars.of_run(read(run / "result.json"))
    assert found.loss == [(step, 2.0 / step) for step in range(1, 9)]
    assert found.metric == [(4, 25), (8, 50)]  # epochs 1 and 2; mAP is logged as a share
    assert found.named == "mAP" and found


def test_a_resumed_run_is_one_curve(run):
    """Stopped after iteration 6, resumed from the checkpoint of epoch 1: 5 and 6 are done again."""
    first = run / "20260101_000000/vis_data/scalars.json"
    lines = first.read_text().splitlines(keepends=True)
    second = run / "20260101_000001/vis_data/scalars.json"
    second.parent.mkdir(parents=True)
    again = [{"loss": 9.0, "step": step} for step in range(5, 9)] + [
        {"pascal_voc/mAP": 0.9, "step": 2}
    ]
    second.write_text("".join(json.dumps(step) + "\n" for step in again) + '{"loss": 1, "st')
    first.write_text("".join(lines[:6] + lines[8:9]))
    found = scalars.of_run(read(run / "result.json"))
    assert [step for step, _ in found.loss] == list(range(1, 9))
    assert [value for _, value in found.loss[4:]] == [9.0] * 4
    assert found.metric == [(4, 25), (8, 90)]


def test_a_run_that_logged_nothing_has_no_curves(run):
    shutil.rmtree(run / "20260101_000000")
    assert not scalars.of_run(read(run / "result.json"))


def test_long_curves_are_thinned_to_means():
    points = [(float(x), float(x % 2)) for x in range(1000)]
    found = scalars.thinned(points, most=10)
    assert found == [(49.5 + 100 * part, 0.5) for part in range(10)]


def test_metrics_are_those_of_the_results():
    for task, (key, _, factor) in scalars.METRICS.items():
        assert (key, factor) in OF_RESULTS[task].values()
