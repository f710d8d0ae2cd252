"""What data a run read follows from the data, not from a label that a config inherited."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import Runner
from PIL import Image

import cls
import det  # noqa: F401
import seg  # noqa: F401
from tricklift.configs import find_config, short_names
from tricklift.data import prepare
from tricklift.data.miniworld import CLASSES
from tricklift.data.prepare.sets import Expected
from tricklift.records.data_identity import identity
from tricklift.tricks import load


def voc(root, split="trainval", kind="CheckedXMLDataset", **options):
    """A data set in VOC layout; MiniWorld's pictures, if its classes are not given."""
    init_default_scope("mmdet")
    return DATASETS.build(
        dict(
            type=kind,
            data_root=str(root),
            ann_file=f"ImageSets/Main/{split}.txt",
            data_prefix=dict(sub_data_root=""),
            **options,
        )
    )


@pytest.fixture
def shapes(tiny_root, tmp_path):
    """MiniWorld's pictures as somebody's own data: in another folder, without a manifest."""
    return shutil.copytree(tiny_root / "miniworld/VOCdevkit/VOC2007", tmp_path / "raccoon")


def own(shapes, split="trainval", classes=CLASSES, **options):
    return voc(shapes, split, metainfo=dict(classes=classes, palette=None), **options)


def test_own_data_are_called_by_their_folder(shapes):
    found = identity({"train": own(shapes), "val": own(shapes, "test")})
    assert found["name"] == "raccoon"
    assert found["classes"]["count"] == 12
    assert found["splits"] == {
        "train": {"read": ["ImageSets/Main/trainval.txt"], "images": 24},
        "val": {"read": ["ImageSets/Main/test.txt"], "images": 12},
    }


def test_the_digest_is_that_of_the_data_in_any_folder(shapes, tmp_path, monkeypatch):
    first = identity({"train": own(shapes)})
    moved = shutil.copytree(shapes, tmp_path / "elsewhere/raccoon")
    assert identity({"train": own(moved)}) == first
    monkeypatch.chdir(tmp_path)
    assert identity({"train": own("raccoon")}) == first


def more(path):
    Image.fromarray(np.zeros((150, 150, 3), np.uint8)).resize(Image.open(path).size).save(path)


CHANGES = {
    "a box": lambda root: next((root / "Annotations").glob("0*.xml")),
    "a picture": lambda root: next((root / "JPEGImages").glob("0*.jpg")),
    "the list": lambda root: root / "ImageSets/Main/trainval.txt",
}


@pytest.mark.parametrize("what", [*CHANGES, "the order of classes", "fewer images"])
def test_other_data_have_another_digest(shapes, what):
    first = identity({"train": own(shapes)})
    options = {}
    if what in CHANGES:
        file = CHANGES[what](shapes)
        if what == "a box":
            file.write_text(file.read_text().replace("<difficult>0", "<difficult>1", 1))
        elif what == "a picture":
            more(file)
        else:
            file.write_text("\n".join(file.read_text().split()[1:]))
    elif what == "fewer images":
        options["indices"] = 20
    else:
        options["classes"] = CLASSES[::-1]
    assert identity({"train": own(shapes, **options)})["digest"] != first["digest"]


def test_miniworld_names_itself_whoever_reads_it(tiny_root):
    root = tiny_root / "miniworld"
    init_default_scope("mmseg")
    readers = {
        "cls": cls.ClassFolders(str(root / "imagenet/train"), []),
        "det": voc(root / "VOCdevkit/VOC2007", kind="MiniWorldDetDataset"),
        "stock": voc(root / "VOCdevkit/VOC2007", kind="VOCDataset", metainfo=dict(classes=CLASSES)),
        "seg": DATASETS.build(
            dict(
                type="mmseg.MiniWorldSegDataset",
                data_root=str(root / "ade"),
                data_prefix=dict(img_path="images/training", seg_map_path="annotations/training"),
            )
        ),
    }
    found = {name: identity({"train": data}) for name, data in readers.items()}
    assert {entry["name"] for entry in found.values()} == {"MiniWorld"}
    assert found["det"]["digest"] == found["stock"]["digest"] != found["seg"]["digest"]
    assert found["cls"]["splits"]["train"]["read"] == ["imagenet/train"]


def test_a_prepared_set_has_its_title_and_the_digest_of_its_files(shapes, tmp_path, monkeypatch):
    """So that it is the same data as a copy that nobody prepared."""
    known = prepare.SETS["bccd"]
    part = replace(known.parts[0], expected=Expected())
    monkeypatch.setitem(prepare.SETS, "bccd", replace(known, parts=(part,)))
    shutil.copytree(shapes, tmp_path / "bccd")
    found = identity({"train": own(tmp_path / "bccd")})
    prepare.prepare("bccd", tmp_path)
    titled = identity({"train": own(tmp_path / "bccd")})
    assert (found["name"], titled["name"]) == ("bccd", "BCCD")
    assert {**found, "name": "BCCD"} == titled
    (tmp_path / "other").symlink_to(shapes)
    assert identity({"train": own(tmp_path / "other")})["name"] == "other"


def test_data_of_several_places(shapes, tiny_root):
    init_default_scope("mmdet")
    pair = [own(shapes), voc(tiny_root / "miniworld/VOCdevkit/VOC2007", kind="MiniWorldDetDataset")]
    joined = dict(type="ConcatDataset", datasets=pair, ignore_keys=["palette", "dataset_type"])
    both = DATASETS.build(dict(type="RepeatDataset", times=2, dataset=joined))
    found = identity({"train": both})
    assert found["name"] == "raccoon + MiniWorld"
    assert found["splits"]["train"]["images"] == 96


LABELLED = [
    name
    for name in short_names()
    if "dataset=" in find_config(name).read_text() and "/own/" not in name
]


@pytest.mark.parametrize("name", LABELLED)
def test_the_labels_of_our_configs_are_the_names_of_their_data(name):
    cfg = load(find_config(name))
    titles = {known.folder: known.title for known in prepare.SETS.values()}
    data = cfg.train_dataloader.dataset
    root = (data.get("datasets") or [data])[0]["data_root"].removeprefix("data/")
    folder = next((f for f in titles if root == f or root.startswith(f + "/")), None)
    wanted = titles[folder] if folder else "MiniWorld" * root.startswith("miniworld/")
    assert cfg.benchmark.dataset == wanted


def test_a_leaf_for_other_data_does_not_keep_its_label(tiny_root, repo, tmp_path):
    own = shutil.copytree(tiny_root / "miniworld/imagenet", tmp_path / "raccoon")
    cfg = load(repo / "configs/cls/mini/resnet18_b-baseline.py")
    for split in ("train", "val"):
        loader = cfg[f"{split}_dataloader"]
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.update(data_root=str(own / split))
    cfg.merge_from_dict({"train_cfg.max_epochs": 1, "model.backbone.width": 0.125})
    cfg.work_dir = str(tmp_path / "work")
    Runner.from_cfg(cfg).train()
    result = json.loads((tmp_path / "work/result.json").read_text())
    assert (result["dataset"], result["data"]["name"]) == ("raccoon", "raccoon")
    assert result["data"]["splits"]["train"] == {"read": ["train"], "images": 64}
    log = next((tmp_path / "work").glob("*/*.log")).read_text()
    assert "the config calls its data 'MiniWorld', but what this run reads is 'raccoon'" in log
