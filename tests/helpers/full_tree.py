"""ImageNet, Places365, VOC07+12 and ADE20K as they lie on a disk, with tiny stand-ins as images.

Folders, file names, lists and numbers of classes are the real ones (Places365's category names
aside); an image is one of a few, linked.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from scenes import write_ade, write_voc
from timm.data import ImageNetInfo

A_CLASS = 10
CLASSES_OF_VOC = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
WIDTH, HEIGHT = 96, 80


def write_full_tree(root: Path) -> None:
    """Write all four below `root`, where `tricklift prepare` would put them."""
    files = stand_ins(root / "stand_ins")
    wnids = sorted(ImageNetInfo().label_names())
    imagenet = root / "imagenet"
    for wnid in wnids:
        link(imagenet / "train" / wnid, (f"{wnid}_{n}.JPEG" for n in range(A_CLASS)), files)
    for number, wnid in enumerate(wnids, start=1):
        link(imagenet / "val" / wnid, [f"ILSVRC2012_val_{number:08}.JPEG"], files)
    for number in range(1, 366):
        place, name = f"place{number:03}", f"Places365_val_{number:08}.jpg"
        link(root / "places365/train" / place, (f"{n:08}.jpg" for n in range(A_CLASS)), files)
        link(root / "places365/val" / place, [name], files)
    devkit = root / "VOCdevkit"
    of_2007 = {"trainval": [f"{n:06}" for n in range(5, 5 + A_CLASS)]}
    of_2007["test"] = [f"{n:06}" for n in range(20, 20 + A_CLASS)]
    write_voc(devkit / "VOC2007", of_2007, CLASSES_OF_VOC, WIDTH, HEIGHT)
    of_2012 = {"trainval": [f"2008_{n:06}" for n in range(2, 2 + A_CLASS)]}
    write_voc(devkit / "VOC2012", of_2012, CLASSES_OF_VOC, WIDTH, HEIGHT)
    splits = {
        "training": [f"ADE_train_{n:08}" for n in range(1, 1 + A_CLASS)],
        "validation": [f"ADE_val_{n:08}" for n in range(1, 1 + A_CLASS)],
    }
    write_ade(root / "ade/ADEChallengeData2016", splits, 150, WIDTH, HEIGHT)


def stand_ins(folder: Path) -> list[Path]:
    """Write four JPEGs of noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    files = [folder / f"{number}.jpg" for number in range(4)]
    for file in files:
        cv2.imwrite(str(file), rng.integers(0, 256, size=(HEIGHT, WIDTH, 3), dtype=np.uint8))
    return files


def link(folder: Path, names: Iterator[str] | list[str], files: list[Path]) -> None:
    """Link the files in turn into a folder, under these names."""
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        os.link(files[number % len(files)], folder / name)
