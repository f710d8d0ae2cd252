"""The classification set, read as an ImageNet folder."""

from collections import Counter

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from tricklift.data.miniworld import CLASSES, Manifest


@pytest.mark.parametrize(("split", "count"), [("train", 48), ("val", 24)])
def test_torchvision_reads_it(small_world: Manifest, split: str, count: int) -> None:
    dataset = ImageFolder(small_world.root / "imagenet" / split)
    assert sorted(dataset.classes) == sorted(CLASSES)
    assert len(dataset) == count
    assert set(Counter(dataset.targets).values()) == {count // 12}
    for image, _ in dataset:
        assert image.size == (64, 64)
        assert image.mode == "RGB"


def test_colour_tells_nothing(small_world: Manifest) -> None:
    """Mean colours of a class scatter as widely as those of all pictures."""
    dataset = ImageFolder(small_world.root / "imagenet" / "train")
    images = np.stack([np.asarray(image) for image, _ in dataset])  # (N, 64, 64, 3)
    means = images.mean(axis=(1, 2))
    labels = np.array(dataset.targets)
    within = np.mean([means[labels == label].std(axis=0) for label in range(12)], axis=0)
    assert (within > 0.7 * means.std(axis=0)).all()
    assert (means.std(axis=0) > 15).all()
