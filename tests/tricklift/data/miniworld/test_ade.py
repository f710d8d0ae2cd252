"""The segmentation set, read as an ADE20K tree."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tricklift.data.miniworld import CLASSES, PALETTE, SEG_CLASSES, SURFACES, Manifest
from tricklift.data.miniworld.ade import PLAN, label_mask
from tricklift.data.miniworld.scene import DISTRACTOR, compose

SPLITS = [("training", 60), ("validation", 24)]


def _stems(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.iterdir())


@pytest.mark.parametrize(("split", "count"), SPLITS)
def test_every_picture_has_its_mask(small_world: Manifest, split: str, count: int) -> None:
    root = small_world.root / "ade"
    stems = _stems(root / "images" / split)
    assert len(stems) == count
    assert stems == _stems(root / "annotations" / split)
    for stem in stems:
        image = Image.open(root / "images" / split / f"{stem}.jpg")
        mask = Image.open(root / "annotations" / split / f"{stem}.png")
        assert image.size == mask.size == (128, 128)
        assert (image.mode, mask.mode) == ("RGB", "L")


@pytest.mark.parametrize(("split", "count"), SPLITS)
def test_labels_and_shares(small_world: Manifest, split: str, count: int) -> None:
    pixels = np.zeros(256, np.int64)
    for path in (small_world.root / "ade" / "annotations" / split).iterdir():
        pixels += np.bincount(np.asarray(Image.open(path)).ravel(), minlength=256)
    assert pixels.sum() == count * 128 * 128
    assert not pixels[len(SEG_CLASSES) + 1 :].any()
    assert (pixels[1 : len(SEG_CLASSES) + 1] > 0).all()  # every class occurs
    share = pixels / pixels.sum()
    assert 0.02 < share[0] < 0.35  # other
    assert 0.1 < share[len(SURFACES) + 1 :].sum() < 0.6  # things


@pytest.mark.parametrize("index", range(8))
def test_mask_agrees_with_the_scene(index: int) -> None:
    scene = compose(np.random.default_rng(index), PLAN, index, index % 5)
    mask = label_mask(scene)
    for number, item in enumerate(scene.objects, start=1):
        here = mask[scene.instances == number]
        assert {SEG_CLASSES[label - 1] for label in here} == {CLASSES[item.label]}
    assert not mask[scene.instances == DISTRACTOR].any()
    free = scene.instances == 0
    assert np.array_equal(mask[free], scene.surfaces[free])


def test_the_vocabulary_fits_together() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == 12
    assert SEG_CLASSES == SURFACES + CLASSES
    assert len(PALETTE) == len(set(PALETTE)) == len(SEG_CLASSES)
