"""A training image in the validation set is found by its content, whatever it is called."""

import json
import shutil
from types import SimpleNamespace

import pytest
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import Runner

import cls
import det  # noqa: F401
import seg  # noqa: F401
from tricklift.data.miniworld import CLASSES
from tricklift.records import shared_images as shared
from tricklift.records.shared_images import shared_images
from tricklift.tricks import load


@pytest.fixture
def root(tiny_root, tmp_path):
    return shutil.copytree(tiny_root / "miniworld", tmp_path / "mine")


def of_classes(root):
    """Folders of classes; a training image in another class's folder of the validation set."""
    source = next((root / "imagenet/train" / CLASSES[0]).iterdir())
    planted = root / "imagenet/val" / CLASSES[1] / f"other{source.suffix}"
    return source, planted, lambda split: cls.ClassFolders(str(root / "imagenet" / split), [])


def of_boxes(root):
    folder = root / "VOCdevkit/VOC2007"
    names = {"train": "trainval", "val": "test"}
    listed = {s: (folder / f"ImageSets/Main/{n}.txt").read_text().split() for s, n in names.items()}
    source, planted = (next(folder.glob(f"JPEGImages/{listed[s][0]}.*")) for s in names)

    def build(split):
        init_default_scope("mmdet")
        lists = dict(
            ann_file=f"ImageSets/Main/{names[split]}.txt", data_prefix={"sub_data_root": ""}
        )
        one = dict(type="MiniWorldDetDataset", data_root=str(folder), **lists)
        return DATASETS.build(dict(type="ConcatDataset", datasets=[one]))

    return source, planted, build


def of_masks(root):
    names = {"train": "training", "val": "validation"}
    source, planted = (sorted((root / "ade/images" / n).iterdir())[0] for n in names.values())

    def build(split):
        init_default_scope("mmseg")
        places = {k: f"{d}/{names[split]}" for k, d in PLACES.items()}
        return DATASETS.build(
            dict(type="MiniWorldSegDataset", data_root=str(root / "ade"), data_prefix=places)
        )

    return source, planted, build


PLACES = {"img_path": "images", "seg_map_path": "annotations"}


@pytest.mark.parametrize("kind", [of_classes, of_boxes, of_masks])
def test_a_copy_under_another_name_is_found(root, kind):
    source, planted, build = kind(root)
    assert shared_images({s: build(s) for s in ("train", "val")}) == {
        "images": 0,
        "first": None,
    }
    shutil.copy(source, planted)
    found = shared_images({s: build(s) for s in ("train", "val")})
    assert (found["images"], found["first"]) == (1, [str(planted), str(source)])


def test_one_set_for_both_and_sets_that_do_not_say(root, monkeypatch):
    *_, build = of_classes(root)
    train = build("train")
    assert shared_images({"train": train, "val": train})["images"] == len(train)
    monkeypatch.setattr(shared, "COMPARED", 1)
    assert shared_images({"train": train, "val": train}) is None
    monkeypatch.undo()
    assert shared_images({"train": train}) is None
    assert shared_images({"train": train, "val": [SimpleNamespace()]}) is None


def test_log_and_result_say_so(root, repo, tmp_path):
    source, planted, _ = of_classes(root)
    shutil.copy(source, planted)
    cfg = load(repo / "configs/cls/mini/resnet18_b-baseline.py")
    for split in ("train", "val"):
        loader = cfg[f"{split}_dataloader"]
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.update(data_root=str(root / "imagenet" / split))
    cfg.merge_from_dict({"train_cfg.max_epochs": 1, "model.backbone.width": 0.125})
    cfg.work_dir = str(tmp_path / "work")
    Runner.from_cfg(cfg).train()
    result = json.loads((tmp_path / "work/result.json").read_text())
    assert result["data"]["val_images_in_train"] == 1
    log = next((tmp_path / "work").glob("*/*.log")).read_text()
    assert f"1 of 25 validation images are training images too (first: {planted} is " in log
