"""The datasets of the three tiers on mmdet's reader, on what they read for real."""

import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.registry import init_default_scope

import det  # noqa: F401
from tricklift.data.miniworld import CLASSES


def build(kind, root, split, **options):
    init_default_scope("mmdet")
    return DATASETS.build(
        {
            "type": kind,
            "data_root": str(root),
            "ann_file": f"ImageSets/Main/{split}.txt",
            "data_prefix": {"sub_data_root": ""},
            **options,
        }
    )


def test_miniworld(tiny_root):
    folder = tiny_root / "miniworld/VOCdevkit/VOC2007"
    dataset = build("MiniWorldDetDataset", folder, "trainval")
    assert len(dataset) == 24
    assert dataset.metainfo["classes"] == CLASSES
    assert len(dataset.metainfo["palette"]) == len(CLASSES)
    # VOC2007 in the path must not make it a set of VOC's 20 classes
    assert dataset.metainfo.get("dataset_type") is None
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        boxes = np.array([item["bbox"] for item in info["instances"]])
        assert len(boxes) and (boxes >= 0).all()
        assert (boxes[:, 2] < info["width"]).all() and (boxes[:, 3] < info["height"]).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_bccd(unpack):
    folder = unpack("bccd") / "bccd"
    trainval, test = (build("BCCDDataset", folder, split) for split in ("trainval", "test"))
    assert (len(trainval), len(test)) == (292, 72)
    dropped = sum(sum(d.repairs.counts.values()) for d in (trainval, test))
    boxes = sum(
        len(d.get_data_info(i)["instances"]) for d in (trainval, test) for i in range(len(d))
    )
    # counted from the XMLs by themselves: 4,888 objects, 2 of them a single click on an RBC
    assert (boxes, dropped) == (4886, 2)


def test_voc(voc):
    voc.root.rename(voc.root.parent / "VOC2007")
    voc.root = voc.root.parent / "VOC2007"
    dataset = build("CheckedVOCDataset", voc.root.parent, "trainval", lazy_init=True)
    assert dataset.metainfo["dataset_type"] is None
    assert len(dataset.metainfo["classes"]) == 20
    dataset = build(
        "CheckedVOCDataset",
        voc.root.parent,
        "trainval",
        ann_file="VOC2007/ImageSets/Main/trainval.txt",
        data_prefix={"sub_data_root": "VOC2007/"},
    )
    assert dataset.metainfo["dataset_type"] == "VOC2007"
    assert [i["bbox_label"] for i in dataset.get_data_info(0)["instances"]] == [7, 11]


def test_no_classes(voc):
    with pytest.raises(ValueError, match=r"CheckedXMLDataset needs its classes; set metainfo"):
        voc.read(metainfo={})


def test_indices_and_test_mode_are_upstreams(voc):
    assert len(voc.read(indices=1)) == 1
    assert len(voc.read(test_mode=True)) == 2
