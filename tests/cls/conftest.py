"""A tiny ImageFolder tree, and a run of the real Runner on it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

import cls  # noqa: F401  (registers the parts)
from tricklift.train import build_config


@pytest.fixture(scope="session")
def class_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``{train,val}/<3 classes>/*.jpg``: 12 and 4 images a class, each class with its own hue."""
    root = tmp_path_factory.mktemp("classes")
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 4)):
        for label, name in enumerate(("ant", "bee", "cow")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                image = rng.integers(0, 120, (40, 48, 3), dtype=np.uint8)
                image[..., label] += 100
                cv2.imwrite(str(folder / f"{i}.jpg"), image)
    return root


@pytest.fixture
def tiny_config(class_folders: Path, tmp_path: Path):
    """The mini leaf configs, shrunk to seconds: 3 classes of 32 px, a quarter of the width."""

    def make(leaf: str = "resnet18_b-baseline", epochs: int = 2) -> Config:
        options = {
            "model.num_classes": 3,
            "model.backbone.width": 0.125,
            "train_cfg.max_epochs": epochs,
            "train_cfg.val_interval": 1,
            "default_hooks.logger.interval": 2,
        }
        cfg = build_config(f"cls/mini/{leaf}", work_dir=tmp_path / "work", options=options)
        for split, loader in (("train", cfg.train_dataloader), ("val", cfg.val_dataloader)):
            loader.update(batch_size=6, num_workers=0, persistent_workers=False)
            loader.dataset.update(data_root=str(class_folders / split), num_classes=3)
        cfg.train_dataloader.dataset.pipeline[1].size = 32
        cfg.val_dataloader.dataset.pipeline[1].update(short_side=32, size=32)
        cfg.test_dataloader = cfg.val_dataloader
        return cfg

    return make
