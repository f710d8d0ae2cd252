"""The datasets of the three tiers on mmdet's reader, on what they read for real."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmdet.registry import DATASETS
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.registry import init_default_scope

import det  # noqa: F401
from tricklift.compat.batches import NumberedBatches
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


def test_a_picture_may_be_png(voc):
    before = voc.read()
    file = Path(before[0]["img_path"])
    cv2.imwrite(str(file.with_suffix(".png")), cv2.imread(str(file)))
    file.unlink()
    after = voc.read()
    assert after[0]["img_path"] == str(file.with_suffix(".png"))
    assert after[1] == before[1]


@pytest.mark.parametrize(
    ("split", "count", "boxes"), [("trainval", 1500, 3616), ("test", 1014, 2340)]
)
def test_groceries(unpack, split, count, boxes):
    dataset = build("GroceriesDataset", unpack("freiburg_groceries") / "freiburg_groceries", split)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert (len(infos), sum(len(info["instances"]) for info in infos)) == (count, boxes)
    labels = {item["bbox_label"] for info in infos for item in info["instances"]}
    assert labels == set(range(25)) == set(range(len(dataset.metainfo["classes"])))


def test_no_classes(voc):
    with pytest.raises(ValueError, match=r"CheckedXMLDataset needs its classes; set metainfo"):
        voc.read(metainfo={})


def test_indices_and_test_mode_are_upstreams(voc):
    assert len(voc.read(indices=1)) == 1
    assert len(voc.read(test_mode=True)) == 2


@pytest.mark.parametrize("sampler", [DefaultSampler, InfiniteSampler])
def test_a_batch_sampler_of_its_own_is_passed_over_by_batches(sampler):
    """mmdet's sorts images by their shape, so the batches behind are not the first images."""

    class Shapes(list):
        def get_data_info(self, index):
            return dict(width=self[index], height=2)

    def batches(behind: int) -> list[tuple[int, list[int]]]:
        shapes = Shapes([1, 3, 3, 1, 3, 1, 3, 3, 1, 3])
        inner = AspectRatioBatchSampler(sampler(shapes, seed=5), batch_size=3)
        found = NumberedBatches(inner)
        found.step = found.passed_over = behind
        pairs = zip(range(behind, 4), found, strict=False)
        return [(batch.step, list(batch)) for _, batch in pairs]

    assert batches(2) == batches(0)[2:] and len(batches(2)) == 2
