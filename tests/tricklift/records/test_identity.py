"""A run's row, origin and hashes, from its config alone."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tricklift.records import identity


def test_row_and_origin_come_from_the_exported_file(tiny, tmp_path):
    file = tmp_path / "b.safetensors"
    meta = {"row": "B-baseline", "architecture": "resnet18_b", "dataset": "CIFAR-10"}
    meta |= {"top1": "61.5", "config_hash": "ab", "seed": "3", "world_size": "8"}
    meta |= {"data_digest": "cd"}
    save_file({"w": torch.zeros(1)}, str(file), metadata=meta)
    cfg = tiny.config(
        tmp_path,
        benchmark=dict(task="det", tier="mini", dataset="Points", protocol="p"),
        tricks=[],
        model=dict(type="LinearTestModel", backbone=dict(name="r", checkpoint=str(file))),
    )
    assert identity.row_of(cfg) == "B-baseline"
    assert identity.pretrained_of(cfg) == {"file": str(file), **meta, "top1": 61.5}
    cfg.model.backbone.checkpoint = "timm/resnet18d.ra2_in1k"
    assert identity.pretrained_of(cfg) == {"name": "timm/resnet18d.ra2_in1k"}
    assert identity.row_of(cfg) == "timm/resnet18d.ra2_in1k"
    assert identity.row_of(cfg, ["zero_gamma"]) == "timm/resnet18d.ra2_in1k"  # its start is gone
    cfg.model.backbone.checkpoint = None
    assert identity.row_of(cfg, ["zero_gamma"]) == "random init (zero_gamma built in)"


def test_hash_ignores_place_and_seed_but_nothing_else(tiny, tmp_path, monkeypatch):
    base = identity.config_hash(tiny.config(tmp_path))
    assert base == identity.config_hash(
        tiny.config(tmp_path / "x", randomness=dict(seed=9), resume=True)
    )
    assert base != identity.config_hash(
        tiny.config(tmp_path, train_cfg=dict(by_epoch=True, max_epochs=3))
    )

    def at(data_root: str) -> str:
        dataset = dict(type="PointsTestData", data_root=data_root)
        return identity.config_hash(tiny.config(tmp_path, train_dataloader=dict(dataset=dataset)))

    monkeypatch.setenv("TRICKLIFT_ROOT", "/one")
    first = at("/one/cifar10")
    monkeypatch.setenv("TRICKLIFT_ROOT", "/two")
    assert first == at("/two/cifar10") != at("/two/camvid")
    monkeypatch.setenv("TRICKLIFT_ROOT", "/two/")  # with a slash, which configs add to theirs
    assert first == at("/two//cifar10")


def test_hash_counts_other_weights_by_their_content(tiny, tmp_path):
    """Whatever the file is called; a safetensors file of another library knows no hash."""
    hashes = []
    for name, value in (("a", 0.0), ("b", 0.0), ("c", 1.0)):
        files = [str(tmp_path / f"{name}{suffix}") for suffix in (".safetensors", ".pth")]
        save_file({"w": torch.full((1,), value)}, files[0], {"format": "pt"})
        Path(files[1]).write_text(str(value))
        for file in files:
            model = dict(type="LinearTestModel", backbone=dict(name="r", checkpoint=file))
            hashes.append(identity.config_hash(tiny.config(tmp_path, model=model)))
    assert hashes[:2] == hashes[2:4]
    assert len(set(hashes)) == 4


@pytest.mark.parametrize("below_the_data", [False, True])
def test_hash_counts_an_export_as_what_it_holds(tiny, tmp_path, monkeypatch, below_the_data):
    if below_the_data:
        monkeypatch.setenv("TRICKLIFT_ROOT", str(tmp_path))
    hashes = {}
    for name, origin in (("a", "1"), ("b", "1"), ("c", "2")):
        file = str(tmp_path / f"{name}.safetensors")
        save_file(
            {"w": torch.zeros(1)}, file, metadata={"architecture": "r", "config_hash": origin}
        )
        model = dict(type="LinearTestModel", backbone=dict(name="r", checkpoint=file))
        hashes[name] = identity.config_hash(tiny.config(tmp_path, model=model))
    assert hashes["a"] == hashes["b"] != hashes["c"]
    model["backbone"]["checkpoint"] = identity.export_mark("r", "2")
    assert hashes["c"] == identity.config_hash(tiny.config(tmp_path, model=model))


def test_downstream_tricks_make_another_row(tiny, tmp_path):
    labels = dict(task="det", tier="mini", dataset="Points", protocol="p")
    cfg = tiny.config(tmp_path, benchmark=labels, tricks=["giou_loss"])
    assert identity.row_of(cfg) == "random init + giou_loss"


def test_a_loaded_checkpoint_counts_by_its_content(tiny, tmp_path):
    files = []
    for name, value in (("a", 0.0), ("b", 0.0), ("c", 1.0)):
        files.append(str(tmp_path / f"{name}.bin"))
        (tmp_path / f"{name}.bin").write_bytes(json.dumps(value).encode())
    hashes = [identity.config_hash(tiny.config(tmp_path, load_from=file)) for file in files]
    without = identity.config_hash(tiny.config(tmp_path))
    assert hashes[0] == hashes[1] != hashes[2]
    assert without not in hashes
    # sha256 of the three bytes "0.0", by `printf 0.0 | sha256sum`
    digest = "8aed642bf5118b9d3c859bd4be35ecac75b6e873cce34e7b6f554b06f75550d7"
    labels = dict(task="det", tier="mini", dataset="Points", protocol="p")
    cfg = tiny.config(tmp_path, load_from=files[0], benchmark=labels, tricks=[])
    assert identity.pretrained_of(cfg) == {"file": files[0], "sha256": digest}
    assert identity.row_of(cfg) == "a"
    # mmengine names the checkpoint to resume from by the same key: that is no other run
    resumed = tiny.config(tmp_path, load_from=files[2], resume=True)
    assert identity.config_hash(resumed) == without


def test_a_loaded_name_that_is_no_file_counts_as_itself(tiny, tmp_path):
    """mmengine downloads it: https://mmengine.readthedocs.io, `CheckpointLoader`."""
    names = [f"https://download.example.org/{name}.pth" for name in "ab"]
    hashes = {identity.config_hash(tiny.config(tmp_path, load_from=name)) for name in names}
    assert len(hashes | {identity.config_hash(tiny.config(tmp_path))}) == 3
    begun = identity.pretrained_of(tiny.config(tmp_path, load_from=names[0]))
    assert begun == {"file": names[0], "sha256": None}
    resumed = tiny.config(tmp_path, load_from="epoch_1.pth", resume=True)
    assert identity.config_hash(resumed, begun) in hashes


def test_a_resumed_run_knows_what_it_began_with(tiny, tmp_path):
    first = tiny.train(tiny.config(tmp_path / "0"), {"accuracy/top1": 1.0}, {"accuracy/top1": 2.0})
    start = str(tmp_path / "0" / "epoch_2.pth")
    half = dict(by_epoch=True, max_epochs=1, val_interval=1)
    folder = tmp_path / "1"
    tiny.train(tiny.config(folder, load_from=start, train_cfg=half), {"accuracy/top1": 3.0})
    begun = tiny.config(folder, load_from=start)
    before = json.loads((folder / "result.json").read_text())
    before |= {"config_hash": identity.config_hash(begun), "wall_seconds": 1000.0}
    (folder / "result.json").write_text(json.dumps(before))
    again = {"accuracy/top1": 3.0}  # the checkpoint is from before its validation
    after = tiny.train(tiny.config(folder, resume=True), again, {"accuracy/top1": 4.0})
    assert after["config_hash"] == identity.config_hash(begun) != first["config_hash"]
    assert after["pretrained"]["file"] == start
    assert after["wall_seconds"] > 1000.0
