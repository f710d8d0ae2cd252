"""A small ADE20K tree that a test can break, and a way to read it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


class Ade:
    """Two training images of 80x60 pixels with masks of labels 0 (other), 1 and 2."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("images", "annotations"):
            (root / folder / "training").mkdir(parents=True)
        for name in ("a", "b"):
            self.image(name)
            self.mask(name)

    def image(self, name: str, width: int = 80, height: int = 60) -> Path:
        """Write one image."""
        pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
        path = self.root / f"images/training/{name}.jpg"
        cv2.imwrite(str(path), pixels)
        return path

    def mask(self, name: str, labels: tuple[int, ...] = (0, 1, 2), width: int = 80) -> Path:
        """Write one mask that holds the given labels."""
        values = np.resize(np.array(labels, np.uint8), (60, width))
        path = self.root / f"annotations/training/{name}.png"
        cv2.imwrite(str(path), values)
        return path

    def build(self, **options: object):
        """Build the dataset as a config does."""
        from mmengine.registry import init_default_scope

        from seg.datasets import CheckedSegDataset

        init_default_scope("mmseg")
        settings: dict = {
            "data_root": str(self.root),
            "data_prefix": {
                "img_path": "images/training",
                "seg_map_path": "annotations/training",
            },
            "metainfo": {"classes": ("cat", "dog")},
            "reduce_zero_label": True,
        }
        return CheckedSegDataset(**{**settings, **options})


@pytest.fixture
def ade(tmp_path: Path) -> Ade:
    return Ade(tmp_path / "ade")


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
