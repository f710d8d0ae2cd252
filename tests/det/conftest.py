"""A small VOC tree that a test can break, and a way to read it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

Box = tuple[str, float, float, float, float]


class Voc:
    """Two images of 80x60 pixels with one cat and one dog each, in VOC layout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
            (root / folder).mkdir(parents=True)
        for name in ("a", "b"):
            self.image(name)
            self.xml(name, [("cat", 1, 1, 40, 30), ("dog", 41, 31, 80, 60)])
        self.split("a\nb\n")

    def image(self, name: str, width: int = 80, height: int = 60) -> Path:
        """Write one image."""
        pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
        path = self.root / "JPEGImages" / f"{name}.jpg"
        cv2.imwrite(str(path), pixels)
        return path

    def xml(
        self, name: str, boxes: list[Box], size: tuple[int, int] = (80, 60), difficult: int = 0
    ) -> Path:
        """Write one annotation."""
        objects = "".join(
            f"<object><name>{word}</name><difficult>{difficult}</difficult><bndbox>"
            f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
            "</bndbox></object>"
            for word, x1, y1, x2, y2 in boxes
        )
        path = self.root / "Annotations" / f"{name}.xml"
        path.write_text(
            f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"
            f"{objects}</annotation>"
        )
        return path

    def split(self, text: str) -> Path:
        """Write the list of images."""
        path = self.root / "ImageSets/Main/trainval.txt"
        path.write_text(text)
        return path

    def read(self, **options: object) -> list[dict]:
        """Build the dataset as a config does; all its items without a pipeline."""
        from det.datasets import CheckedXMLDataset

        settings: dict = {
            "data_root": str(self.root),
            "ann_file": "ImageSets/Main/trainval.txt",
            "data_prefix": {"sub_data_root": ""},
            "metainfo": {"classes": ("cat", "dog")},
        }
        dataset = CheckedXMLDataset(**{**settings, **options})
        return [dataset.get_data_info(i) for i in range(len(dataset))]


@pytest.fixture
def voc(tmp_path: Path) -> Voc:
    return Voc(tmp_path / "voc")


@pytest.fixture
def unpack(shared_data: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Unpack an archive of real data into a data root of its own."""
    import tarfile

    def run(name: str) -> Path:
        archive = shared_data / f"{name}.tar.gz"
        if not archive.is_file():
            pytest.skip(f"no {archive}")
        with tarfile.open(archive) as file:
            file.extractall(tmp_path, filter="data")
        return tmp_path

    return run
