"""A few pictures in the layouts of Pascal VOC and ADE20K."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

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
    folder: Path,
    splits: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    width: int,
    height: int,
) -> None:
    """Write images of these names a split in VOC layout, the classes in turn."""
    rng = np.random.default_rng(0)
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for split, names in splits.items():
        for index, name in enumerate(names):
            image, (x1, y1, x2, y2) = scene(rng, width, height)
            cv2.imwrite(str(folder / "JPEGImages" / f"{name}.jpg"), image)
            values = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "width": width, "height": height}
            text = VOC_TEMPLATE.format(name=classes[index % len(classes)], **values)
            (folder / "Annotations" / f"{name}.xml").write_text(text)
        (folder / "ImageSets/Main" / f"{split}.txt").write_text("\n".join(names) + "\n")


def numbered(prefix: str, count: int) -> list[str]:
    """So many names: `prefix0`, `prefix1`, ..."""
    return [f"{prefix}{index}" for index in range(count)]


def write_ade(
    folder: Path, splits: Mapping[str, Sequence[str]], labels: int, width: int, height: int
) -> None:
    """Write images of these names a split in ADE20K layout.

    Their masks hold 0 (other), 1 around the box and, in it, the first or the last of the labels.
    """
    rng = np.random.default_rng(0)
    for split, names in splits.items():
        for part in ("images", "annotations"):
            (folder / part / split).mkdir(parents=True)
        for index, name in enumerate(names):
            image, (x1, y1, x2, y2) = scene(rng, width, height)
            mask = np.ones((height, width), np.uint8)
            mask[y1 - 1 : y2, x1 - 1 : x2] = (2, labels)[index % 2]
            mask[0] = 0
            cv2.imwrite(str(folder / "images" / split / f"{name}.jpg"), image)
            cv2.imwrite(str(folder / "annotations" / split / f"{name}.png"), mask)
