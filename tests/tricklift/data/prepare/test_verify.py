"""Existing copies: what is wrong with them is found and named, and what changed later, too."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

MANIFEST = ".tricklift/{}.json"


def remove(path: str) -> Callable[[Path], object]:
    return lambda place: (place / path).unlink()


def add(path: str, contents: bytes = b"x") -> Callable[[Path], object]:
    return lambda place: (place / path).write_bytes(contents)


def rename(old: str, new: str) -> Callable[[Path], object]:
    def change(place: Path) -> None:
        (place / new).parent.mkdir(exist_ok=True)
        (place / old).rename(place / new)

    return change


def swap(one: str, other: str) -> Callable[[Path], object]:
    def change(place: Path) -> None:
        (place / one).rename(place / "aside")
        (place / other).rename(place / one)
        (place / "aside").rename(place / other)

    return change


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("voc", remove("VOC2007/Annotations/000002.xml"), "Annotations holds 2 files, not 3"),
        (
            "voc",
            rename("VOC2007/Annotations/000002.xml", "VOC2007/Annotations/000009.xml"),
            "000002, 000009: not in both .*JPEGImages and .*Annotations",
        ),
        (
            "voc",
            rename("VOC2012/JPEGImages/2008_000002.jpg", "VOC2012/JPEGImages/2008_000003.jpg"),
            "JPEGImages lacks 2008_000002 of trainval.txt",
        ),
        ("voc", remove("VOC2007/ImageSets/Main/test.txt"), "Main/test.txt is not there"),
        (
            "voc",
            add("VOC2007/ImageSets/Main/trainval.txt", b"000001\n"),
            "trainval.txt lists 1 images, not 2",
        ),
        (
            "ade20k",
            rename(
                "annotations/training/ADE_train_00000001.png",
                "annotations/training/ADE_train_00000007.png",
            ),
            "ADE_train_00000001, ADE_train_00000007: not in both",
        ),
        (
            "ade20k",
            add("images/validation/ADE_val_00000001.jpg", b"\xff\xd8 cut off"),
            "ADE_val_00000001.jpg cannot be read as an image",
        ),
        ("imagenet", add("train/n00000001/more.JPEG"), "train holds 7 files, not 6"),
        (
            "imagenet",
            rename("train/n00000001/n00000001_0.JPEG", "train/n00000002/n00000001_0.JPEG"),
            "n00000001 holds 2 files; a class has 3 to 3",
        ),
        (
            "imagenet",
            swap("val/n00000001", "val/n00000002"),
            "n00000002/ILSVRC2012_val_00000001.JPEG is not there, though that is its class",
        ),
        (
            "places365",
            rename("val/airfield/Places365_val_00000002.jpg", "val/new/Places365_val_00000002.jpg"),
            "airfield holds 0 files; a class has 1 to 1|val holds 3 class folders, not 2",
        ),
    ],
)
def test_a_bad_copy_is_named(shrunk, name, damage, message):
    tiny = shrunk(name)
    tiny.prepare(source=tiny.archives)
    (tiny.root / MANIFEST.format(name)).unlink()  # a copy that somebody else put there
    damage(tiny.place)
    with pytest.raises(ValueError, match=rf"{name} is not whole: .*({message}).*; remove .* again"):
        tiny.prepare()
    assert (tiny.missing() or "").startswith(f"{name} is not whole: ")
    assert not (tiny.root / MANIFEST.format(name)).exists()


def test_litter_of_file_managers_does_not_count(shrunk):
    tiny = shrunk("imagenet")
    tiny.prepare(source=tiny.archives)
    (tiny.place / "train" / ".DS_Store").write_bytes(b"mac")
    assert tiny.missing() is None


@pytest.mark.parametrize("name", ["voc", "places365"])
def test_a_copy_that_somebody_put_there_is_taken_and_noted(shrunk, name):
    tiny = shrunk(name)
    tiny.prepare(source=tiny.archives)
    manifest = tiny.root / MANIFEST.format(name)
    first = manifest.read_text()
    manifest.unlink()
    assert tiny.missing() is None
    assert not manifest.exists()  # a look writes nothing
    tiny.prepare()
    assert manifest.read_text() == first


def test_a_changed_file_is_found_by_its_checksum(shrunk):
    tiny = shrunk("voc")
    tiny.prepare(source=tiny.archives)
    file = tiny.place / "VOC2007/Annotations/000002.xml"
    good = file.read_bytes()
    file.write_bytes(good.replace(b"a", b"b"))  # same size
    with pytest.raises(ValueError, match=r"voc has changed: .*000002\.xml has changed since .*"):
        tiny.prepare()
    file.write_bytes(good)
    assert tiny.missing() is None


def test_a_changed_file_outside_the_sample_is_found_by_its_size(shrunk):
    tiny = shrunk("voc")
    tiny.prepare(source=tiny.archives)
    manifest = tiny.root / MANIFEST.format("voc")
    known = json.loads(manifest.read_text())
    del known["parts"]["VOC2007"]["sample"]["Annotations/000002.xml"]
    manifest.write_text(json.dumps(known))
    (tiny.place / "VOC2007/Annotations/000002.xml").write_bytes(b"")
    assert "VOC2007 has changed from 8 files of" in (tiny.missing() or "")


def test_a_broken_manifest_is_named(shrunk):
    tiny = shrunk("voc")
    tiny.prepare(source=tiny.archives)
    (tiny.root / MANIFEST.format("voc")).write_text('{"parts": 3}')
    assert "voc.json is broken" in (tiny.missing() or "")
