"""What is measured is kept, bench by bench, and makes the page."""

import json

import pytest

from tricklift.bench import report, suite

FINDING = {
    "bench": "step", "case": "a | b", "ours": 1234.5, "peer": 2.0, "unit": "images/s",
    "ratio": {"median": 1.5, "min": 1.0, "max": 2.0}, "target": "at least 2 x", "met": False,
    "cpu": {"ours": 0.5, "peer": 1.25},
}  # fmt: skip


def test_names():
    assert suite.chosen("det") == ["det"]
    assert suite.chosen("all") == ["input", "step", "det", "seg", "index"]
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
    text = report.page(suite.stored(tmp_path), ["growth-1.png"], "## Limits\n\nNone.")
    assert "| step | a \\| b | 1,234 | 2 | images/s | 1.50 (1.00 to 2.00) | 0.5 / 1.25 |" in text
    assert "| at least 2 x | **no** |" in text
    assert "![growth-1.png](images/growth-1.png)" in text
    assert text.rstrip().endswith("None.")
    assert json.dumps(suite.stored(tmp_path))
