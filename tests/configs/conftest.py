"""A few pictures in the layouts of the small and full tiers' sets, for TRICKLIFT_ROOT."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

VOC_TEMPLATE = """<annotation><size><width>{width}</width><height>{height}</height><depth>3</depth>
</size><object><name>{name}</name><difficult>0</difficult><truncated>0</truncated><bndbox>
<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object></annotation>
"""


def scene(
    rng: np.random.Generator, width: int, height: int
) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """An image `(height, width, 3)` with one bright box, and the box (1-based, as in VOC)."""
    x1, y1 = int(rng.integers(1, width // 3)), int(rng.integers(1, height // 3))
    x2, y2 = x1 + width // 2, y1 + height // 2
    image = rng.integers(0, 60, size=(height, width, 3), dtype=np.uint8)
    image[y1 - 1 : y2, x1 - 1 : x2] += 150
    return image, (x1, y1, x2, y2)


def write_voc(
    folder: Path, splits: dict[str, int], classes: Sequence[str], width: int, height: int
) -> None:
    """Write so many images a split in VOC layout, the classes in turn."""
    rng = np.random.default_rng(0)
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for split, count in splits.items():
        names = [f"{split}{index}" for index in range(count)]
        for index, name in enumerate(names):
            image, (x1, y1, x2, y2) = scene(rng, width, height)
            cv2.imwrite(str(folder / "JPEGImages" / f"{name}.jpg"), image)
            values = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "width": width, "height": height}
            text = VOC_TEMPLATE.format(name=classes[index % len(classes)], **values)
            (folder / "Annotations" / f"{name}.xml").write_text(text)
        (folder / "ImageSets/Main" / f"{split}.txt").write_text("\n".join(names) + "\n")


def write_ade(folder: Path, labels: int, width: int, height: int) -> None:
    """Write 4 images for training and 2 for validation in ADE20K layout.

    Their masks hold 0 (other), 1 around the box and, in it, the first or the last of the labels.
    """
    rng = np.random.default_rng(0)
    for split, count in {"training": 4, "validation": 2}.items():
        for part in ("images", "annotations"):
            (folder / part / split).mkdir(parents=True)
        for index in range(count):
            image, (x1, y1, x2, y2) = scene(rng, width, height)
            mask = np.ones((height, width), np.uint8)
            mask[y1 - 1 : y2, x1 - 1 : x2] = (2, labels)[index % 2]
            mask[0] = 0
            cv2.imwrite(str(folder / "images" / split / f"{index}.jpg"), image)
            cv2.imwrite(str(folder / "annotations" / split / f"{index}.png"), mask)


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bccd`, `freiburg_groceries` (8 images to train on, 2 to test) and `camvid` (4 and 2).

    Of half the size of theirs.
    """
    root = tmp_path_factory.mktemp("small")
    classes = ("RBC", "WBC", "Platelets")
    write_voc(root / "bccd", {"trainval": 8, "test": 2}, classes, 320, 240)
    groceries = {"trainval": 8, "test": 2}
    write_voc(root / "freiburg_groceries", groceries, ("beans", "tomato_sauce"), 112, 112)
    write_ade(root / "camvid", 11, 240, 180)
    return root


@pytest.fixture(scope="session")
def full_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VOC 2007 (1 image to train on, 1 to test), VOC 2012 (1) and ADE20K (4 and 2), of 96x80."""
    root = tmp_path_factory.mktemp("full")
    for year, splits in {"2007": {"trainval": 1, "test": 1}, "2012": {"trainval": 1}}.items():
        write_voc(root / f"VOCdevkit/VOC{year}", splits, ("aeroplane", "tvmonitor"), 96, 80)
    write_ade(root / "ade/ADEChallengeData2016", 150, 96, 80)
    return root
