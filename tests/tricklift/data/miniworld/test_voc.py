"""The detection set, read as a VOC devkit by torchvision and by a parser of our own."""

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import VOCDetection

from tricklift.data.miniworld import CLASSES, Manifest
from tricklift.data.miniworld.scene import DISTRACTOR, compose
from tricklift.data.miniworld.voc import PLAN, annotation

BOX = ("xmin", "ymin", "xmax", "ymax")


@pytest.fixture(scope="module")
def voc(small_world: Manifest) -> Path:
    return small_world.root / "VOCdevkit" / "VOC2007"


def _names(voc: Path, split: str) -> list[str]:
    return (voc / "ImageSets" / "Main" / f"{split}.txt").read_text().split()


def _objects(voc: Path, name: str) -> list[dict[str, int | str]]:
    root = ElementTree.parse(voc / "Annotations" / f"{name}.xml").getroot()
    return [
        {
            "name": node.findtext("name", ""),
            "difficult": int(node.findtext("difficult", "")),
            "truncated": int(node.findtext("truncated", "")),
            **{tag: int(node.findtext(f"bndbox/{tag}", "")) for tag in BOX},
        }
        for node in root.iter("object")
    ]


@pytest.mark.parametrize(("split", "count"), [("trainval", 96), ("test", 48)])
def test_torchvision_reads_it(small_world: Manifest, split: str, count: int) -> None:
    dataset = VOCDetection(str(small_world.root), year="2007", image_set=split)
    assert len(dataset) == count
    for image, record in dataset:
        size = record["annotation"]["size"]
        assert image.size == (int(size["width"]), int(size["height"]))
        assert 128 <= min(image.size) <= max(image.size) <= 160
        assert record["annotation"]["object"]


def test_splits_are_whole_and_apart(voc: Path) -> None:
    train, val, test = (_names(voc, split) for split in ("train", "val", "test"))
    assert _names(voc, "trainval") == train + val
    assert len(train) == len(val) == 48
    everything = train + val + test
    assert len(set(everything)) == len(everything) == 96 + 48
    assert all(len(name) == 6 and name.isdigit() for name in everything)
    for folder, suffix in (("JPEGImages", "jpg"), ("Annotations", "xml")):
        assert sorted(p.name for p in (voc / folder).iterdir()) == sorted(
            f"{name}.{suffix}" for name in everything
        )


@pytest.mark.parametrize("split", ["train", "val", "trainval", "test"])
def test_every_class_occurs_and_lists_agree(voc: Path, split: str) -> None:
    found = {name: _objects(voc, name) for name in _names(voc, split)}
    counts = Counter(item["name"] for items in found.values() for item in items)
    assert set(counts) == set(CLASSES)
    for word in CLASSES:
        lines = (voc / "ImageSets" / "Main" / f"{word}_{split}.txt").read_text().splitlines()
        assert [line.split()[0] for line in lines] == list(found)
        for line, items in zip(lines, found.values(), strict=True):
            hard = [item["difficult"] for item in items if item["name"] == word]
            assert int(line.split()[1]) == (-1 if not hard else 0 if all(hard) else 1)


def test_boxes_lie_inside_and_flags_occur(voc: Path) -> None:
    flags: Counter[str] = Counter()
    for name in _names(voc, "trainval"):
        width, height = Image.open(voc / "JPEGImages" / f"{name}.jpg").size
        for item in _objects(voc, name):
            assert 1 <= int(item["xmin"]) <= int(item["xmax"]) <= width
            assert 1 <= int(item["ymin"]) <= int(item["ymax"]) <= height
            at_border = (
                item["xmin"] == 1
                or item["ymin"] == 1
                or item["xmax"] == width
                or item["ymax"] == height
            )
            if item["truncated"] and not item["difficult"]:
                # cut by the border: it touches it, unless something lies over that very part
                flags["cut, at border" if at_border else "cut, covered"] += 1
            flags.update(key for key in ("difficult", "truncated") if item[key])
            flags["all"] += 1
    assert flags["cut, at border"] > 5 * flags["cut, covered"]
    assert 0.02 < flags["difficult"] / flags["all"] < 0.25
    assert 0.1 < flags["truncated"] / flags["all"] < 0.6


@pytest.mark.parametrize("index", range(20))
def test_box_is_the_extent_of_the_visible_mask(index: int) -> None:
    rng = np.random.default_rng(index)
    scene = compose(rng, PLAN, index % 12, index % 5)
    nodes = list(ElementTree.fromstring(annotation("000001", scene)).iter("object"))
    assert len(nodes) == len(scene.objects) >= 1
    assert set(np.unique(scene.instances)) - {0, DISTRACTOR} == set(range(1, len(nodes) + 1))
    for number, node in enumerate(nodes, start=1):
        box = [int(node.findtext(f"bndbox/{tag}", "")) for tag in BOX]
        mask = Image.fromarray((scene.instances == number).astype(np.uint8) * 255)
        x0, y0, x1, y1 = mask.getbbox() or (0, 0, 0, 0)  # PIL: 0-based, end exclusive
        assert box == [x0 + 1, y0 + 1, x1, y1]  # VOC: 1-based, end inclusive
