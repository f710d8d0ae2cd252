"""Configs and tiers written for one's own data: read as any other, kept, and never in the data."""

import json
from pathlib import Path

import pytest
import yaml
from own_data import LAYOUTS

from tricklift import configs
from tricklift.own.written import config_for, tier_file
from tricklift.suite.plan import plan
from tricklift.suite.tier_file import read
from tricklift.train import build_config

LEAVES = [name for name in configs.short_names() if "/own/" in name]
DATA = {"cls": "class folders", "det": "COCO, one file", "seg": "masks without splits"}


def quiet(text: str) -> None:
    """Takes what would be printed."""


def state(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*"))


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_config_of_every_leaf_resolves_and_leaves_the_data_alone(
    kept, tmp_path, leaf, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    task = leaf.partition("/")[0]
    root = kept(DATA[task])
    before, said = state(root), []
    file = config_for(leaf, root, Path("own"), said.append)
    assert state(root) == before
    cfg = build_config(file, work_dir=tmp_path / "work")
    assert (cfg.benchmark.tier, cfg.benchmark.dataset) == ("own", "pets")
    data = cfg.train_dataloader.dataset
    assert data.data_root == str(root) and "_delete_" not in data
    # a split that was not there is written down beside the config
    lists = [Path(cfg[f"{split}_dataloader"].dataset.ann_file) for split in ("train", "val")]
    assert [file.parent for file in lists] == [tmp_path / "own" / task] * 2
    assert all(file.is_file() for file in lists)
    text = "\n".join(said)
    assert "drawn by seed 0" in text and "chosen: " in text and f"written: {file}" in text
    assert (
        "- " in file.read_text() and "drawn by seed" in (tmp_path / f"own/{task}.json").read_text()
    )


def test_it_is_written_once(kept, own, tmp_path):
    root = kept("VOC")
    file = config_for("det/own", root, tmp_path, quiet)
    file.write_text(file.read_text() + "\nx = 1\n")
    said = []
    assert config_for("det/own/faster_rcnn_fpn", root, tmp_path, said.append) == file
    assert "x = 1" in file.read_text() and said == [f"{file}: kept as it is"]
    for leaf, data in (("det/own", kept("COCO")), ("det/own/faster_rcnn_c4", root)):
        with pytest.raises(ValueError, match=r"was written for det/own/faster_rcnn_fpn on .*delet"):
            config_for(leaf, data, tmp_path, quiet)


def test_what_a_training_refuses_is_refused_before(own, tmp_path):
    root = own("VOC")
    (root / "Annotations/3.xml").unlink()
    with pytest.raises(ValueError, match=r"pets cannot be trained on: .*3.xml: no such annotation"):
        config_for("det/own", root, tmp_path / "own", quiet)
    assert not (tmp_path / "own/det.py").exists()


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("class folders", "cat/2.png"),
        ("VOC", "JPEGImages/3.webp"),
        ("COCO", "train2017/3.png"),
        ("ADE20K", "images/train/3.jpg"),
    ],
)
def test_bad_images_are_left_out_where_asked(kind, place, own, tmp_path):
    root = own(kind)
    (root / place).write_bytes((root / place).read_bytes()[:60])
    leaf = f"{LAYOUTS[kind][0]}/own"
    with pytest.raises(ValueError, match=rf"{place}: cannot be .*; bad .*`on_bad_image: skip`"):
        config_for(leaf, root, tmp_path / "own", quiet)
    said = []
    given = {"path": root, "on_bad_image": "skip"}
    cfg = build_config(config_for(leaf, given, tmp_path / "own", said.append))
    assert cfg.train_dataloader.dataset.on_bad_image == "skip"
    assert cfg.val_dataloader.dataset.on_bad_image == "skip"
    assert "1 x bad image skipped" in said[0]


def test_length_size_and_classes_may_be_said(kept, tmp_path):
    given = {"path": kept("VOC"), "size": 96, "epochs": 2, "classes": ["dog"]}
    cfg = build_config(config_for("det/own", given, tmp_path, quiet))
    assert cfg.train_cfg.max_epochs == 2
    assert cfg.train_dataloader.dataset.pipeline[2].scale == (115, 96)
    assert cfg.train_dataloader.dataset.metainfo.classes == ("dog",)
    assert cfg.train_dataloader.dataset.other_classes == "skip"
    assert cfg.model.roi_head.bbox_head.num_classes == 1
    with pytest.raises(ValueError, match=r"own data take path, classes, size, epochs, .*epoch"):
        config_for("det/own", {**given, "epoch": 2}, tmp_path / "2", quiet)


def jobs_of(held, place, **options):
    tier = read(tier_file(held, place, say=quiet, **options))
    return [job.name for job in plan(tier, place / "runs")]


def test_a_tier_of_all_three(kept, tmp_path):
    own = {task: str(kept(layout)) for task, layout in DATA.items()}
    names = jobs_of({"name": "pets", "own": own, "seeds": [0, 1]}, tmp_path)
    assert len(names) == 2 * (2 * 4 + 2)  # two rows of four jobs, and random init, twice
    assert {"cls/D-tricks/seed1", "det/B-standard-seed0/seed0", "seg/random-init/seed0"} < {*names}
    tier = read(tmp_path / "tier.yaml")
    assert (tier.name, tier.seeds) == ("pets", (0, 1))
    for job in (job for job in plan(tier, tmp_path / "runs") if job.name.startswith("cls/")):
        cfg = job.resolved()
        assert cfg.model.backbone.name == job.backbone
        assert ("mixup" in cfg.model) == job.name.startswith("cls/D-tricks")


def test_any_of_the_three_may_be_missing(kept, tmp_path):
    own = {task: str(kept(layout)) for task, layout in DATA.items()}
    alone = jobs_of({"own": {"det": own["det"]}}, tmp_path / "det")
    assert alone == ["det/timm_resnet18.tv_in1k/seed0", "det/random-init/seed0"]
    networks = ["timm/resnet26d", "hardnet39ds"]
    some = jobs_of({"own": {"seg": own["seg"]}}, tmp_path / "seg", networks=networks)
    assert some == [
        "seg/timm_resnet26d/seed0",
        "seg/random-init-timm_resnet26d/seed0",
        "seg/random-init-hardnet39ds/seed0",
    ]
    alone = jobs_of({"own": {"cls": own["cls"]}}, tmp_path / "cls")
    assert alone == ["cls/B-standard/seed0", "cls/D-tricks/seed0"]
    with pytest.raises(ValueError, match="--weights starts detection or segmentation; add --det"):
        tier_file({"own": {"cls": own["cls"]}}, tmp_path / "cls", ["timm/resnet18"], say=quiet)
    for wrong in ({}, {"dte": "x"}, "x"):
        with pytest.raises(ValueError, match=r"'own' takes cls, det, seg with a folder each"):
            tier_file({"own": wrong}, tmp_path, say=quiet)


def test_other_networks_take_the_place_of_ours(kept, tmp_path):
    """Also in the row of tricks, which would be another ResNet's."""
    own = {task: str(kept(layout)) for task, layout in DATA.items()}
    file = tier_file({"own": own}, tmp_path, networks=["timm/resnet10t"], say=quiet)
    names = {job.name for job in plan(file, tmp_path / "runs", backbones=["timm/resnet10t"])}
    assert names > {
        "cls/timm_resnet10t-standard/seed0",
        "cls/timm_resnet10t-tricks/seed0",
        "det/random-init-timm_resnet10t/seed0",
    }


def test_own_weights_say_their_network(kept, tmp_path):
    import torch

    import backbones
    from backbones.files import save

    state = backbones.build("resnet18_d").state_dict()
    save(tmp_path / "mine.safetensors", state, {"architecture": "resnet18_d"})
    save(tmp_path / "dumb.safetensors", {"w": torch.zeros(1)}, {"x": "y"})
    own = {"own": {"det": str(kept("VOC"))}}
    given = [str(tmp_path / "mine.safetensors"), "torchvision/resnet50"]
    file = tier_file(own, tmp_path / "own", given, say=quiet)
    rows = yaml.safe_load(file.read_text())["weights"]
    assert [row["backbone"] for row in rows] == ["resnet18_d", "resnet50_b"]
    assert rows[0] == {"name": "mine", "backbone": "resnet18_d", "checkpoint": given[0]}
    with pytest.raises(ValueError, match=r"dumb.safetensors does not say which network it is of"):
        tier_file(own, tmp_path / "own", [str(tmp_path / "dumb.safetensors")], say=quiet)


def test_the_record_has_all_that_was_found(kept, tmp_path):
    config_for("det/own", kept("VOC"), tmp_path, quiet)
    held = json.loads((tmp_path / "det.json").read_text())
    assert held["classes"] == {"cat": 16, "dog": 16}
    assert held["splits"]["train"]["images"] == 12
