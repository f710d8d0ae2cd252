"""Packing results as a reference: what the tier would run now, and nothing else."""

import json
import shutil

import pytest

from benchmarks.reference import pack
from tricklift.errors import UserError
from tricklift.tables.reference import FOLDER


@pytest.fixture
def results(repo, tmp_path):
    """Of the demo: one pretraining, and what starts from it, or from random weights, in seg."""
    for place in ("cls/resnet18_b-standard/seed0", "seg/random-init/seed0"):
        shutil.copytree(repo / "docs" / "results" / "demo" / place, tmp_path / place)
    return tmp_path


@pytest.mark.slow
def test_it_is_what_is_shipped(results):
    """Line for line; the hash of each run and its recipe are computed anew."""
    text = pack("demo", results)
    held, shipped = json.loads(text), json.loads((FOLDER / "demo.json").read_text())
    assert set(held["results"]) == {
        "cls/resnet18_b-standard/seed0/result.json",
        "seg/random-init/seed0/result.json",
    }
    assert held["results"].items() <= shipped["results"].items()
    assert held["recipes"].items() <= shipped["recipes"].items()
    assert len(text.splitlines()) == 2 + 2 + 2 + 1 + 1


@pytest.mark.parametrize(
    ("place", "changes", "said"),
    [
        ("seg/random-init/seed0", {"config_hash": "other"}, "not what the tier demo would run"),
        ("seg/elsewhere/seed0", {}, "has no job seg/elsewhere/seed0"),
    ],
)
def test_what_the_tier_does_not_run_is_refused(results, place, changes, said):
    data = json.loads((results / "seg/random-init/seed0/result.json").read_text()) | changes
    (results / place).mkdir(parents=True, exist_ok=True)
    (results / place / "result.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match=said):
        pack("demo", results)
