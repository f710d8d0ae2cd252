"""The datasets of the three tiers on mmseg's reader, on what they read for real."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, TRANSFORMS

import seg
from tricklift.data.miniworld import SEG_CLASSES

LOAD = [
    {"type": "LoadImageFromFile"},
    {"type": "LoadAnnotations"},
    {"type": "PackSegInputs"},
]


def build(kind, root, split, **options):
    init_default_scope("mmseg")
    prefix = {"img_path": f"images/{split}", "seg_map_path": f"annotations/{split}"}
    return DATASETS.build(
        {"type": kind, "data_root": str(root), "data_prefix": prefix, "pipeline": LOAD, **options}
    )


def test_miniworld(tiny_root):
    dataset = build("MiniWorldSegDataset", tiny_root / "miniworld/ade", "training")
    assert len(dataset) == 12
    assert dataset.metainfo["classes"] == SEG_CLASSES
    seen = set()
    for index in range(len(dataset)):
        seen |= set(np.unique(dataset[index]["data_samples"].gt_sem_seg.data.numpy()))
    assert seen - {255} <= set(range(len(SEG_CLASSES)))
    assert len(seen) > 12


def test_camvid(unpack):
    folder = unpack("camvid") / "camvid"
    for split, count in (("training", 468), ("validation", 233)):
        dataset = build("CamVidDataset", folder, split, checked_masks=1000)
        assert len(dataset) == count
    item = dataset[0]
    assert tuple(item["inputs"].shape) == (3, 360, 480)
    labels = item["data_samples"].gt_sem_seg.data.numpy()
    # the sky is above the road
    assert np.argwhere(labels[0] == 0)[:, 0].mean() < np.argwhere(labels[0] == 3)[:, 0].mean()


def test_ade20k_is_upstreams():
    dataset = build("CheckedADE20KDataset", "nowhere", "training", lazy_init=True)
    assert len(dataset.metainfo["classes"]) == 150
    assert dataset.reduce_zero_label


def test_blur_changes_half_of_the_images():
    np.random.seed(0)
    blur = TRANSFORMS.build({"type": "RandomBlur", "prob": 0.5})
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    changed = [not np.array_equal(blur({"img": image})["img"], image) for _ in range(100)]
    # a blur of a tiny sigma changes nothing after rounding: so somewhat below 50
    assert 25 < sum(changed) < 65
    assert image.std() > blur.__class__(prob=1.0)({"img": image})["img"].std() - 1e-6


@pytest.mark.parametrize("options", [{"prob": 1.5}, {"sigma": 0}])
def test_blur_refuses(options):
    with pytest.raises(ValueError, match=r"prob must be in \[0, 1\] and sigma above 0; got"):
        seg.RandomBlur(**options)
