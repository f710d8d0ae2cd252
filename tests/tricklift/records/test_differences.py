"""Why a run is not what its config would do now."""

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import zeros

from tricklift.records.differences import differing, since
from tricklift.records.identity import config_hash
from tricklift.records.schema import SCHEMA
from tricklift.records.weights import weights_sha256


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b 1 -> 2"]),
        ({"a": 1}, {"b": 1}, ["a 1 -> not set", "b not set -> 1"]),
        ([{"x": 1}, 3], [{"x": 2}, 3], ["0.x 1 -> 2"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a [1, 2] -> [1]"]),
        ({"a": "x" * 60}, {"a": 0}, [f"a '{'x' * 36}... -> 0"]),
        ({"a": "/old/sets/voc"}, {"a": "<root>/voc"}, []),
        ({"a": "/old/sets/voc"}, {"a": "<root>/ade"}, ["a '/old/sets/voc' -> '<root>/ade'"]),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}, []),
    ],
)
def test_places_where_two_trees_differ(before, now, said):
    assert list(differing(before, now)) == said


def test_why_in_words(tiny, tmp_path):
    cfg = tiny.config(tmp_path)
    kept = tmp_path / "kept.py"
    cfg.dump(kept)
    result = {"schema": SCHEMA, "seed": 0, "config": str(kept), "config_hash": config_hash(cfg)}
    assert since(result, cfg, 0, tmp_path) == ""
    assert since(result, cfg, 1, tmp_path) == "seed 0, not 1"
    longer = tiny.config(tmp_path, train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=1))
    assert since(result, longer, 0, tmp_path) == "config: train_cfg.max_epochs 2 -> 3"
    assert since(result, longer, 0, tmp_path / "elsewhere") == "another config"
    old = {**result, "schema": 1, "version": "0.0.1"}
    assert "recorded by version 0.0.1" in since(old, longer, 0, tmp_path)
    many = tiny.config(
        tmp_path,
        train_cfg=dict(by_epoch=True, max_epochs=3, val_begin=2, val_interval=3),
        custom_hooks=[dict(type="EMAHook")],
        sync_bn="torch",
    )
    assert since(result, many, 0, tmp_path).endswith("and 2 more")


def test_weights_of_another_training_and_other_numbers(tiny, tmp_path):
    def with_weights(trained: str, value: float) -> tuple[dict, Path]:
        file = tmp_path / "b.safetensors"
        save_file({"w": zeros(1) + value}, str(file), metadata={"config_hash": trained})
        model = dict(type="LinearTestModel", backbone=dict(name="r", checkpoint=str(file)))
        return tiny.config(tmp_path, model=model), file

    cfg, file = with_weights("a", 0.0)
    pretrained = {"config_hash": "a", "weights_sha256": weights_sha256(file)}
    result = {"schema": SCHEMA, "seed": 0, "config_hash": config_hash(cfg)}
    result = json.loads(json.dumps({**result, "pretrained": pretrained}))
    assert since(result, cfg, 0, tmp_path) == ""
    cfg, _ = with_weights("a", 1.0)
    assert since(result, cfg, 0, tmp_path) == f"other numbers in {file}"
    cfg, _ = with_weights("b", 1.0)
    assert since(result, cfg, 0, tmp_path) == f"{file} is of another training"
