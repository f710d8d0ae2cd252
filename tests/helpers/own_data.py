"""Data as people keep them, in every layout that is known: a few pictures each."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

Maker = Callable[[Path], None]
SIDES = (96, 80)  # width, height
CLASSES = ("cat", "dog")


def picture(path: Path, seed: int) -> None:
    """Write a picture of noise, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*SIDES[::-1], 3), np.uint8)
    assert cv2.imwrite(str(path), pixels)


def xml(path: Path, named: str) -> None:
    """Write an XML with a cat and a dog."""
    path.parent.mkdir(parents=True, exist_ok=True)
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x}</xmin><ymin>5</ymin><xmax>{x + 35}</xmax>"
        "<ymax>70</ymax></bndbox></object>"
        for name, x in zip(CLASSES, (5, 50), strict=True)
    )
    size = f"<size><width>{SIDES[0]}</width><height>{SIDES[1]}</height></size>"
    path.write_text(f"<annotation><filename>{named}</filename>{size}{objects}</annotation>")


def mask(path: Path, labels: tuple[int, ...] = (0, 1, 2)) -> None:
    """Write a mask that holds these labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.resize(np.array(labels, np.uint8), SIDES[::-1]))


def classes_alone(root: Path) -> None:
    for seed in range(16):
        picture(root / CLASSES[seed % 2] / f"{seed}.png", seed)


def classes_split(root: Path) -> None:
    for seed in range(16):
        split = "train" if seed < 12 else "val"
        picture(root / split / CLASSES[seed % 2] / f"{seed}.JPG", seed)
    (root / "train" / ".ipynb_checkpoints").mkdir()


def tiny_imagenet(root: Path) -> None:
    lines = []
    for seed in range(16):
        name = CLASSES[seed % 2]
        if seed < 12:
            picture(root / "train" / name / "images" / f"{name}_{seed}.jpeg", seed)
        else:
            picture(root / "val" / "images" / f"val_{seed}.jpeg", seed)
            lines.append(f"val_{seed}.jpeg\t{name}\t0\t0\t62\t62\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))


def voc_with_lists(root: Path) -> None:
    for seed in range(16):
        picture(root / "JPEGImages" / f"{seed}.webp", seed)
        xml(root / "Annotations" / f"{seed}.xml", f"{seed}.webp")
    for split, part in (("trainval", range(12)), ("test", range(12, 16))):
        file = root / "ImageSets/Main" / f"{split}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{seed}\n" for seed in part))


def voc_kit(root: Path) -> None:
    voc_with_lists(root / "VOCdevkit" / "VOC2012")


def voc_alone(root: Path) -> None:
    for seed in range(16):
        picture(root / "images" / f"{seed}.bmp", seed)
        xml(root / "Annotations" / f"{seed}.xml", f"{seed}.bmp")


def voc_beside(root: Path) -> None:
    for seed in range(16):
        folder = root / ("train" if seed < 12 else "valid")
        picture(folder / f"{seed}.jpg", seed)
        xml(folder / f"{seed}.xml", f"{seed}.jpg")


def coco(root: Path, splits: dict[str, range], folder: str, file: str) -> None:
    for split, part in splits.items():
        images, objects = [], []
        for seed in part:
            picture(root / folder.format(split) / f"{seed}.png", seed)
            size = {"width": SIDES[0], "height": SIDES[1]}
            images.append({"id": seed, "file_name": f"{seed}.png", **size})
            for number, x in ((7, 5.5), (3, 50)):
                box = {"bbox": [x, 5, 35.25, 65], "category_id": number, "iscrowd": 0}
                objects.append({"id": len(objects), "image_id": seed, **box})
        names = [{"id": 3, "name": "dog"}, {"id": 7, "name": "cat"}, {"id": 9, "name": "unused"}]
        path = root / file.format(split)
        path.parent.mkdir(parents=True, exist_ok=True)
        held = {"images": images, "annotations": objects, "categories": names}
        path.write_text(json.dumps(held))


SPLITS = {"train": range(12), "val": range(12, 16)}


def coco_split(root: Path) -> None:
    coco(root, {f"{k}2017": v for k, v in SPLITS.items()}, "{}", "annotations/instances_{}.json")


def coco_beside(root: Path) -> None:
    splits = {"train": SPLITS["train"], "valid": SPLITS["val"]}
    coco(root, splits, "{}", "{}/_annotations.coco.json")


def coco_alone(root: Path) -> None:
    coco(root, {"all": range(16)}, "images", "boxes.json")


def masks(root: Path, image: str, label: str) -> None:
    for seed in range(16):
        split = "train" if seed < 12 else "val"
        picture(root / image.format(split, seed), seed)
        mask(root / label.format(split, seed))
    (root / "classes.txt").write_text("ground\ncat\ndog\n")


def ade(root: Path) -> None:
    masks(root, "images/{}/{}.jpg", "annotations/{}/{}.png")


def masks_below_splits(root: Path) -> None:
    masks(root, "{}/images/{}.tif", "{}/masks/{}.png")


def masks_alone(root: Path) -> None:
    masks(root, "imgs/{1}.jpeg", "labels/{1}_mask.png")


def segnet(root: Path) -> None:
    masks(root, "{}/{}.png", "{}annot/{}.png")


def cityscapes(root: Path) -> None:
    masks(
        root, "leftImg8bit/{}/town/t_{}_leftImg8bit.png", "gtFine/{}/town/t_{}_gtFine_labelIds.png"
    )
    for path in (root / "gtFine").rglob("*_labelIds.png"):
        picture(path.with_name(path.name.replace("labelIds", "color")), 0)


LAYOUTS: dict[str, tuple[str, Maker]] = {
    "class folders": ("cls", classes_alone),
    "class folders, split": ("cls", classes_split),
    "Tiny ImageNet": ("cls", tiny_imagenet),
    "VOC": ("det", voc_with_lists),
    "VOCdevkit": ("det", voc_kit),
    "VOC without lists": ("det", voc_alone),
    "XMLs beside": ("det", voc_beside),
    "COCO": ("det", coco_split),
    "COCO beside": ("det", coco_beside),
    "COCO, one file": ("det", coco_alone),
    "ADE20K": ("seg", ade),
    "masks below splits": ("seg", masks_below_splits),
    "masks without splits": ("seg", masks_alone),
    "SegNet's CamVid": ("seg", segnet),
    "Cityscapes": ("seg", cityscapes),
}
