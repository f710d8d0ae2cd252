"""The hash of the weights that a run was given: in its result, and in no identity."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from tricklift.records import identity, weights
from tricklift.train import build_config


def write(file, value: float = 0.0, **metadata: str) -> str:
    """An export of one number of weights; returns their hash."""
    metadata = {"architecture": "resnet18_b", "config_hash": "ab", "seed": "3", **metadata}
    save_file({"w": torch.full((3,), value)}, str(file), metadata=metadata)
    return weights.weights_sha256(file) or ""


def test_numbers_names_and_shapes_count_and_metadata_do_not(tmp_path):
    file = tmp_path / "a.safetensors"
    first = write(file, created="today")
    whole = {hashlib.sha256(file.read_bytes()).hexdigest()}
    assert {write(file, created=f"{n} days ago") for n in range(5)} == {first}
    whole.add(hashlib.sha256(file.read_bytes()).hexdigest())
    assert len(whole) == 2  # the file is another one
    assert write(file, 1.0) != first
    for other in ({"v": torch.zeros(3)}, {"w": torch.zeros(3, 1)}):
        save_file(other, str(file))
        assert weights.weights_sha256(file) != first


def test_other_files_count_as_a_whole(tmp_path):
    assert weights.weights_sha256(tmp_path / "a.pth") is None
    (tmp_path / "a.pth").write_bytes(b"0.0")
    # sha256 of the three bytes "0.0", by `printf 0.0 | sha256sum`
    digest = "8aed642bf5118b9d3c859bd4be35ecac75b6e873cce34e7b6f554b06f75550d7"
    assert weights.weights_sha256(tmp_path / "a.pth") == digest


def begun_with(tiny, folder, **changes):
    model = dict(backbone=dict(name="resnet18_b", checkpoint=str(folder / "b.safetensors")))
    return tiny.config(folder, model=dict(type="LinearTestModel", **model), **changes)


def test_a_result_holds_the_hash_and_a_resumed_run_keeps_the_first(tiny, tmp_path):
    answers = {"accuracy/top1": 1.0}, {"accuracy/top1": 2.0}
    given = write(tmp_path / "b.safetensors")
    half = dict(by_epoch=True, max_epochs=1, val_interval=1)
    tiny.train(begun_with(tiny, tmp_path, train_cfg=half), *answers)
    cfg = begun_with(tiny, tmp_path, resume=True)
    before = json.loads((tmp_path / "result.json").read_text())
    assert before["pretrained"]["weights_sha256"] == given
    assert before["teacher"] is None
    before |= {"config_hash": identity.config_hash(cfg), "wall_seconds": 1000.0}
    (tmp_path / "result.json").write_text(json.dumps(before))
    assert not weights.changed(cfg, before)
    write(tmp_path / "b.safetensors", 1.0)
    after = tiny.train(cfg, *answers)
    assert after["wall_seconds"] > 1000.0
    assert after["config_hash"] == before["config_hash"]  # whatever the numbers
    assert after["pretrained"]["weights_sha256"] == given
    assert weights.changed(cfg, after)


def test_without_a_hash_or_a_file_nothing_has_changed(tiny, tmp_path):
    cfg = begun_with(tiny, tmp_path)
    entry = {"file": "elsewhere", "weights_sha256": "0" * 64}
    assert not weights.changed(cfg, {"pretrained": entry})
    write(tmp_path / "b.safetensors")
    assert weights.changed(cfg, {"pretrained": entry})
    assert not weights.changed(cfg, {"pretrained": {"file": "x"}})
    assert not weights.changed(cfg, {"pretrained": {"file": "x", "sha256": "0" * 64}})
    assert not weights.changed(cfg, {})


def test_what_is_loaded_into_the_whole_model_has_its_own_hash(tiny, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"0.0")
    write(tmp_path / "b.safetensors")
    cfg = begun_with(tiny, tmp_path, load_from=str(tmp_path / "a.bin"))
    entry = weights.weights_entries(cfg, identity.pretrained_of(cfg))["pretrained"]
    assert sorted(entry) == ["file", "sha256"]


@pytest.mark.parametrize("named", [True, False])
def test_a_teacher_stands_in_the_result(tmp_path, named):
    teacher = "timm/resnet18" if named else str(tmp_path / "t.safetensors")
    expected = {"name": teacher} if named else {"file": teacher}
    if not named:
        origin = {"row": "+ smooth", "dataset": "CIFAR-10", "world_size": "8"}
        origin["data_digest"] = "cd"
        expected["weights_sha256"] = write(tmp_path / "t.safetensors", top1="92.5", **origin)
        expected |= {**origin, "architecture": "resnet18_b", "config_hash": "ab", "seed": "3"}
        expected["top1"] = 92.5
    config = "cls/mini/resnet18_b-baseline"
    cfg = build_config(config, tricks=["distillation"], teacher=teacher)
    assert weights.weights_entries(cfg, None) == {"pretrained": None, "teacher": expected}
    assert weights.weights_entries(build_config(config), None)["teacher"] is None
