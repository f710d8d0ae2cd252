"""What is measured is kept, bench by bench, and makes the page."""

import json

import pytest

from benchmarks import report, suite
from benchmarks.measure import Finding

FINDING = {
    "bench": "step", "case": "a | b", "ours": 1234.5, "peer": 2.0, "unit": "images/s",
    "ratio": {"median": 1.5, "min": 1.0, "max": 2.0}, "target": "at least 2 x", "met": False,
    "cpu": {"ours": 0.5, "peer": 1.25}, "wall": {"ours": 0.25, "peer": 0.75},
    "split": {"convolutions": [100.0, 250.0], "softmax": [0.0, 5.0]},
}  # fmt: skip


def test_names():
    assert suite.chosen("det") == ["det"]
    assert suite.chosen("all") == ["input", "step", "det", "seg", "index", "growth"]
    with pytest.raises(ValueError, match=r"unknown bench 'sep'; known: .*did you mean"):
        suite.chosen("sep")


def test_newer_findings_take_the_place_of_older_ones(tmp_path):
    suite.keep(tmp_path, "step", [FINDING])
    suite.keep(tmp_path, "det", [])
    suite.keep(tmp_path, "step", [{**FINDING, "ours": 2.0}])
    kept = suite.stored(tmp_path)
    assert list(kept) == ["step", "det"]
    assert [finding["ours"] for finding in kept["step"]["findings"]] == [2.0]
    assert kept["step"]["machine"]["cores"] >= 1
    (tmp_path / suite.RESULTS).write_text("{")
    with pytest.raises(ValueError, match=r"findings.json is not readable .*; remove it"):
        suite.stored(tmp_path)


def test_the_page_shows_ratios_targets_and_pictures(tmp_path):
    suite.keep(tmp_path, "step", [FINDING, {**FINDING, "ratio": None, "peer": None, "met": None}])
    text = report.page(suite.stored(tmp_path), ["growth-1.png"])
    assert "| step | a \\| b | 1,234 | 2 | images/s | 1.50 (1.00 to 2.00) | 0.25 / 0.75 |" in text
    assert "| 0.5 / 1.25 | at least 2 x | **no** |" in text
    assert "| convolutions | 100 | 250 | 2.50 |\n| softmax | 0 | 5 |  |" in text
    assert "![growth-1.png](images/growth-1.png)" in text
    assert "step: a | b: 1.50, at least 2 x. Convolutions and matrix products alone have a" in text
    assert "a ratio of 2.50, and are 100% of ours" in text
    assert "[gpu.md](gpu.md).\n\n## Machine\n\n- step: " in text
    assert json.dumps(suite.stored(tmp_path))


def test_what_is_kept_of_this_machine_is_not_measured_again(tmp_path, monkeypatch):
    calls = []

    def measure(root, say):
        calls.append(root)
        return [Finding("seg", "a", 1.0, "s")]

    monkeypatch.setitem(suite.BENCHES, "seg", [measure])
    lines = []
    first = suite.run("seg", tmp_path, tmp_path, lines.append)
    again = suite.run("seg", tmp_path, tmp_path, lines.append, resume=True)
    assert len(calls) == 1 and again == first
    assert lines[-1].startswith("seg: kept from ")
    suite.run("seg", tmp_path, tmp_path, lines.append)
    assert len(calls) == 2
    other = json.loads((tmp_path / suite.RESULTS).read_text())
    other["seg"]["machine"]["cpu"] = "another"
    (tmp_path / suite.RESULTS).write_text(json.dumps(other))
    suite.run("seg", tmp_path, tmp_path, lines.append, resume=True)
    assert len(calls) == 3
