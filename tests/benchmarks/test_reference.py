"""Packing results as a reference: what the tier would run now, and nothing else."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from benchmarks.reference import pack
from tricklift.errors import UserError
from tricklift.records.identity import config_hash
from tricklift.suite.plan import plan
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


def test_given_weights_count_by_what_their_file_holds(repo, tmp_path):
    tier, weights, place = tmp_path / "given.yaml", tmp_path / "a.safetensors", "seg/given/seed0"
    tier.write_text(
        "name: given\nabout: one row\ndata: {seg: miniworld}\nrows: []\n"
        "weights: [{name: given, backbone: resnet18_b, checkpoint: [a.safetensors]}]\n"
        "downstream: [{task: seg, config: seg/mini/fcn}]\nseeds: [0]\n"
    )
    save_file({"weight": np.zeros(1)}, weights)
    [job] = plan(str(tier), "out", root=tmp_path)
    kept = repo / "docs" / "results" / "demo" / "seg" / "random-init" / "seed0" / "result.json"
    data = json.loads(kept.read_text()) | {"pretrained": {"file": "data/a.safetensors"}}
    data["config_hash"] = config_hash(job.resolved())
    (tmp_path / "runs" / place).mkdir(parents=True)
    (tmp_path / "runs" / place / "result.json").write_text(json.dumps(data))
    held = json.loads(pack(str(tier), tmp_path / "runs", tmp_path))
    assert list(held["results"]) == [f"{place}/result.json"]
    save_file({"weight": np.ones(1)}, weights)
    with pytest.raises(UserError, match="not what the tier"):
        pack(str(tier), tmp_path / "runs", tmp_path)
