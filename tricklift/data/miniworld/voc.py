"""Write MiniWorld as a Pascal VOC devkit: `VOCdevkit/VOC2007/{Annotations,ImageSets,JPEGImages}`.

Boxes are exactly the extents of an object's visible pixels, 1-based and inclusive as in VOC.
`truncated` is set where the border of the picture cuts the object, `difficult` where less than
`scene.DIFFICULT_BELOW` of it shows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tricklift.data.miniworld.files import encode_jpeg, write
from tricklift.data.miniworld.scene import Plan, Scene, SceneObject, compose
from tricklift.data.miniworld.vocabulary import CLASSES, SURFACES

#: Several objects on 128 to 160 pixels a side.
PLAN = Plan(sides=(128, 160), objects=(2, 6), diameter=(28, 68), distractors=(1, 4))

FOLDER = "VOCdevkit/VOC2007"

#: Identifiers are six digits: trainval counts from 000001, test from 100001.
MOST_IMAGES = 99_999
_FIRST = {"trainval": 1, "test": MOST_IMAGES + 2}


def identifier(split: str, index: int) -> str:
    """The six digits that name a picture of `split` (trainval or test)."""
    return f"{_FIRST[split] + index:06d}"


def write_example(
    root: Path, split: str, index: int, rng: np.random.Generator
) -> tuple[SceneObject, ...]:
    """Draw and write one picture and its XML.

    Args:
        root: Where to write.
        split: trainval or test.
        index: Number of the picture in its split, from 0.
        rng: Source of all randomness.

    Returns:
        The objects written.
    """
    scene = compose(rng, PLAN, index % len(CLASSES), index % len(SURFACES))
    name = identifier(split, index)
    write(root, f"{FOLDER}/JPEGImages/{name}.jpg", encode_jpeg(scene.image))
    write(root, f"{FOLDER}/Annotations/{name}.xml", annotation(name, scene))
    return scene.objects


def annotation(name: str, scene: Scene) -> bytes:
    """The XML of one picture, as VOC2007 has it."""
    root = ElementTree.Element("annotation")
    _add(root, "folder", "VOC2007")
    _add(root, "filename", f"{name}.jpg")
    source = ElementTree.SubElement(root, "source")
    _add(source, "database", "MiniWorld")
    _add(source, "annotation", "MiniWorld")
    _add(source, "image", "generated")
    size = ElementTree.SubElement(root, "size")
    height, width, depth = scene.image.shape
    for tag, value in (("width", width), ("height", height), ("depth", depth)):
        _add(size, tag, value)
    _add(root, "segmented", 0)
    for item in scene.objects:
        _add_object(root, item)
    ElementTree.indent(root, "\t")
    return ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _add_object(root: ElementTree.Element, item: SceneObject) -> None:
    node = ElementTree.SubElement(root, "object")
    _add(node, "name", CLASSES[item.label])
    _add(node, "pose", "Unspecified")
    _add(node, "truncated", int(item.truncated))
    _add(node, "difficult", int(item.difficult))
    box = ElementTree.SubElement(node, "bndbox")
    for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), item.box, strict=True):
        _add(box, tag, value + 1)


def _add(parent: ElementTree.Element, tag: str, value: str | int) -> None:
    ElementTree.SubElement(parent, tag).text = str(value)


def write_lists(root: Path, objects: Mapping[str, Sequence[tuple[SceneObject, ...]]]) -> None:
    """Write `ImageSets/Main`: a list a split, and one a class and split.

    The first half of trainval is train, the second val. In a class's list an identifier is
    followed by 1 (has the class), 0 (only difficult ones) or -1 (has none), as in VOC.

    Args:
        root: Where to write.
        objects: For trainval and test, the objects of every picture in order.
    """
    trainval, test = list(objects["trainval"]), list(objects["test"])
    half = len(trainval) // 2
    numbered = [(identifier("trainval", i), found) for i, found in enumerate(trainval)]
    splits = {
        "train": numbered[:half],
        "val": numbered[half:],
        "trainval": numbered,
        "test": [(identifier("test", i), found) for i, found in enumerate(test)],
    }
    for split, pictures in splits.items():
        _write_lines(root, split, [name for name, _ in pictures])
        for label, word in enumerate(CLASSES):
            lines = [f"{name} {_presence(found, label):2d}" for name, found in pictures]
            _write_lines(root, f"{word}_{split}", lines)


def _presence(objects: tuple[SceneObject, ...], label: int) -> int:
    difficult = [item.difficult for item in objects if item.label == label]
    if not difficult:
        return -1
    return 0 if all(difficult) else 1


def _write_lines(root: Path, name: str, lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    write(root, f"{FOLDER}/ImageSets/Main/{name}.txt", text.encode())
