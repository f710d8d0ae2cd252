"""What `check` finds is what a training refuses: the same words, from the same reader."""

import json
import os
import shutil
import unicodedata

import cv2
import numpy as np
import pytest
from own_data import mask, picture, xml

from tricklift.errors import UserError
from tricklift.own import report as reports
from tricklift.own.layouts import find
from tricklift.own.report import build, reader_settings, report, to_text


def empty(path):
    path.write_bytes(b"")


def halved(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def renamed_class(path):
    path.write_text(path.read_text().replace("<name>cat<", "<name><"))


def outside(path):
    path.write_text(path.read_text().replace("<xmax>40<", "<xmax>400<"))


def coco_box(path):
    held = json.loads(path.read_text())
    held["annotations"][0]["bbox"] = [1, 2, 3]
    path.write_text(json.dumps(held))


def coco_image(path):
    held = json.loads(path.read_text())
    held["images"][0]["file_name"] = "gone.png"
    held["images"][0], held["images"][1] = held["images"][1], held["images"][0]
    path.write_text(json.dumps(held))


def coloured(path):
    assert cv2.imwrite(str(path), np.full((80, 96, 3), (0, 0, 128), np.uint8))


FAULTS = [
    ("class folders, split", "train/cat/0.JPG", empty),
    ("class folders, split", "train/cat/0.JPG", halved),
    ("Tiny ImageNet", "val/images/val_12.jpeg", lambda p: p.unlink()),
    ("VOC", "Annotations/3.xml", empty),
    ("VOC", "Annotations/3.xml", renamed_class),
    ("VOC", "Annotations/3.xml", outside),
    ("VOC", "JPEGImages/3.webp", halved),
    ("VOC", "JPEGImages/3.webp", lambda p: p.unlink()),
    ("VOC", "Annotations/3.xml", lambda p: p.unlink()),
    ("XMLs beside", "train/3.jpg", lambda p: p.unlink()),
    ("COCO", "annotations/instances_train2017.json", coco_box),
    ("COCO", "annotations/instances_train2017.json", coco_image),
    ("COCO", "train2017/3.png", empty),
    ("ADE20K", "annotations/train/3.png", coloured),
    ("ADE20K", "annotations/train/3.png", lambda p: p.unlink()),
    ("ADE20K", "annotations/train/3.png", lambda p: mask(p, (0, 200, 2))),
    ("Cityscapes", "leftImg8bit/train/town/t_3_leftImg8bit.png", empty),
]


@pytest.mark.parametrize(("name", "file", "spoil"), FAULTS)
def test_a_fault_is_named_as_a_training_names_it(own, tmp_path, name, file, spoil):
    root = own(name)
    before = find(root).classes
    spoil(root / file)
    layout = find(root)
    assert layout.classes == before
    found = report(layout, tmp_path / "lists")
    assert found.wrong and not found.val.images * found.train.images
    split = "train" if found.train.wrong else "val"
    settings = reader_settings(layout, getattr(layout, split), tmp_path / "lists", split)
    with pytest.raises(UserError) as refused:
        build(settings, layout.task)
    assert found.wrong == (list(refused.value.findings) or [str(refused.value)])
    named = file.rpartition("/")[2].partition(".")[0]
    assert named in " ".join(found.wrong) or "gone.png" in found.wrong[0]
    assert f"{len(found.wrong)} faults; a training refuses these data:" in to_text(found)


def rename(root, old, new):
    os.rename(root / old, os.path.join(os.fsencode(root), os.fsencode(new)))


def names_as_a_mac_stores_them(root):
    decomposed = unicodedata.normalize("NFD", "größe")
    rename(root, "JPEGImages/3.webp", f"JPEGImages/{decomposed}.webp")
    rename(root, "Annotations/3.xml", f"Annotations/{decomposed}.xml")
    lines = root / "ImageSets/Main/trainval.txt"
    lines.write_text(lines.read_text().replace("3\n", "größe\n", 1))


def paths_in_the_list(root):
    lines = root / "ImageSets/Main/trainval.txt"
    names = lines.read_text().split()
    lines.write_text("".join(f"{root}/JPEGImages/{name}.webp\n" for name in names))


def a_namespace(root):
    for path in (root / "Annotations").iterdir():
        path.write_text(path.read_text().replace("<annotation>", '<annotation xmlns="urn:voc">'))


def capitals(root):
    for path in (root / "Annotations").iterdir():
        path.rename(path.with_suffix(".XML"))


ODD = [
    ("VOC", (names_as_a_mac_stores_them, a_namespace)),
    ("VOC", (paths_in_the_list,)),
    ("VOC without lists", (a_namespace, capitals)),
]


@pytest.mark.parametrize(("name", "changes"), ODD)
def test_what_a_training_reads_is_seen(own, tmp_path, name, changes):
    root = own(name)
    for change in changes:
        change(root)
    layout = find(root)
    found = report(layout, tmp_path / "lists")
    assert (found.train.images + found.val.images, found.wrong) == (16, [])
    assert len(found.train.boxes) + len(found.val.boxes) == 32
    assert layout.counts == {"cat": 16, "dog": 16} and layout.notes == ()


def test_a_name_that_no_list_can_hold_is_named(own, tmp_path):
    root = own("XMLs beside")
    rename(root, "train/3.jpg", b"train/gr\xf6\xdfe.jpg")
    rename(root, "train/3.xml", b"train/gr\xf6\xdfe.xml")
    (said,) = report(find(root), tmp_path).wrong
    assert r"gr\udcf6\udcdfe: this name of a file is not in UTF-8; rename" in said


def test_pictures_without_an_xml_are_counted(own):
    root = own("XMLs beside")
    for seed in range(3):
        picture(root / f"train/more{seed}.jpg", seed)
    assert find(root).notes == ("3 pictures that no list or XML names left out",)


@pytest.mark.parametrize(
    ("name", "folder", "namer"),
    [
        ("VOC", "JPEGImages", "list or XML"),
        ("VOC without lists", "images", "list or XML"),
        ("COCO", "val2017", "JSON"),
        ("COCO, one file", "images", "JSON"),
    ],
)
def test_pictures_that_nothing_names_are_counted(own, name, folder, namer):
    root = own(name)
    assert find(root).notes == ()
    picture(root / folder / "more.png", 1)
    assert find(root).notes == (f"1 pictures that no {namer} names left out",)


def test_all_faults_are_listed_not_ten(own, tmp_path):
    root = own("VOC")
    for path in (root / "Annotations").iterdir():
        outside(path)
    found = report(find(root), tmp_path)
    assert len(found.train.wrong) == 12 and len(found.val.wrong) == 4
    assert "and 6 more (all of them: --json)" in to_text(found)
    assert len(found.to_json()["splits"]["train"]["wrong"]) == 12


def test_pictures_of_both_splits_are_found_by_content(own, tmp_path):
    root = own("class folders, split")
    shutil.copy(root / "train/cat/0.JPG", root / "val/cat/another.JPG")
    picture(root / "val/cat/new.JPG", 77)
    found = report(find(root), tmp_path)
    assert found.shared == [(f"{root}/train/cat/0.JPG", f"{root}/val/cat/another.JPG")]
    assert not found.wrong  # a training would take them
    assert "1 images of validation are in the training set too; remove them:" in to_text(found)


def test_what_is_left_out_is_counted(own, tmp_path):
    root = own("class folders, split")
    (root / "train/cat/notes.txt").touch()
    picture(root / "train/stray.png", 3)
    picture(root / "train/.ipynb_checkpoints/0-checkpoint.jpg", 0)
    told = " ".join(report(find(root), tmp_path).train.mended)
    assert "1 x hidden or system file or folder left out" in told and ".ipynb_checkpoints" in told
    assert "1 x file left out that is no picture by its suffix" in told
    assert "1 x picture left out that is in no class folder" in told
    shutil.move(root / "train", root.parent / "drawn")  # without a split
    notes = " ".join(find(root.parent / "drawn").notes)
    assert all(words in notes for words in ("1 x hidden or", "1 x file left", "1 x picture left"))
    told = report(find(root.parent / "drawn"), tmp_path / "lists")
    assert "is no picture by its suffix" in to_text(told)
    root = own("ADE20K") if not (root / "images").exists() else root
    mask(root / "annotations/train/more.png")
    told = report(find(root, "seg"), tmp_path).train.mended
    assert told == [
        f"1 x mask without an image passed over (first: {root}/annotations/train/more.png)"
    ]


def test_images_without_boxes_are_background_and_counted(own, tmp_path):
    root = own("VOC")
    path = root / "Annotations/3.xml"
    xml(path, "3.webp")
    path.write_text(path.read_text().replace("<object>", "<!--").replace("</object>", "-->"))
    found = report(find(root), tmp_path)
    assert (found.train.images, found.train.empty, found.wrong) == (12, 1, [])
    assert "12 images, median 96x80 pixels, 1 without boxes" in to_text(found)


def test_the_readers_words_stay_out_of_the_page(own, tmp_path, capsys):
    root = own("class folders, split")
    (root / "train/cat/notes.txt").touch()
    report(find(root), tmp_path)
    assert "WARNING" not in "".join(capsys.readouterr())


def test_sizes_of_a_large_set_are_those_of_some(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "SIZED", 3)
    assert len(report(find(kept("ADE20K")), tmp_path).train.sizes) == 3
