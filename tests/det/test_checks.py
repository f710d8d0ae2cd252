"""Every kind of bad detection input is one clear error when the dataset is built."""

import re

import cv2
import pytest
from mmengine.logging import MMLogger
from PIL import Image


@pytest.fixture
def log(caplog):
    """What goes to mmengine's logger, which hands nothing on to Python's root logger."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def test_good_input_is_read_as_mmdet_reads_it(voc):
    items = voc.read()
    assert [item["img_id"] for item in items] == ["a", "b"]
    # VOC counts from 1, mmdet from 0
    assert [i["bbox"] for i in items[0]["instances"]] == [[0, 0, 39, 29], [40, 30, 79, 59]]
    assert [i["bbox_label"] for i in items[0]["instances"]] == [0, 1]
    assert (items[0]["width"], items[0]["height"]) == (80, 60)


def test_small_and_difficult_boxes(voc):
    voc.xml("a", [("cat", 1, 1, 5, 4)])
    voc.xml("b", [("dog", 1, 1, 50, 40)], difficult=1)
    small, difficult = (item["instances"][0]["ignore_flag"] for item in voc.read())
    assert (small, difficult) == (0, 1)


def test_missing_folder_says_how_to_get_it(voc, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", "/somewhere")
    from det.datasets import BCCDDataset

    with pytest.raises(
        FileNotFoundError,
        match=r"no data folder '.*nowhere/?'; get it with `tricklift prepare bccd "
        r"--root DIR` and set TRICKLIFT_ROOT=DIR \(TRICKLIFT_ROOT is /somewhere\)",
    ):
        BCCDDataset(
            data_root=str(voc.root / "nowhere"),
            ann_file="ImageSets/Main/test.txt",
            data_prefix={"sub_data_root": ""},
        )


def test_missing_list(voc):
    with pytest.raises(FileNotFoundError, match=r"no list of images '.*/Main/val.txt'; put your"):
        voc.read(ann_file="ImageSets/Main/val.txt")


def test_empty_list(voc):
    voc.split("\n\n")
    with pytest.raises(ValueError, match=r"trainval.txt lists no image; write one"):
        voc.read()


def test_list_of_one_class(voc):
    voc.split("a  1\nb -1\n")
    with pytest.raises(ValueError, match=r"is the list of one class; use trainval.txt"):
        voc.read()


def test_missing_xml_and_image(voc):
    voc.split("a\nb\nc\n")
    with pytest.raises(FileNotFoundError, match=r"c.xml: no such annotation; add it, or"):
        voc.read()
    voc.xml("c", [("cat", 1, 1, 40, 30)])
    with pytest.raises(FileNotFoundError, match=r"c.jpg: no such image, nor"):
        voc.read()


def test_xml_that_does_not_parse(voc):
    path = voc.xml("a", [("cat", 1, 1, 40, 30)])
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ValueError, match=r"a.xml: not parseable as XML \(.*\); write the file"):
        voc.read()


def test_xml_with_entities_is_refused(voc):
    path = voc.xml("a", [("&bomb;", 1, 1, 40, 30)])
    head = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY bomb "cat">]>'
    path.write_text(head + path.read_text())
    with pytest.raises(ValueError, match=r"a.xml: has a document type with entities"):
        voc.read()


def test_xml_without_boxes(voc):
    voc.xml("a", [])
    with pytest.raises(ValueError, match=r"a.xml: no boxes; .*images_without_boxes='background'"):
        voc.read()
    items = voc.read(images_without_boxes="background")
    assert [len(item["instances"]) for item in items] == [0, 2]
    with pytest.raises(ValueError, match=r"must be one of error, background, skip; got 'keep'"):
        voc.read(images_without_boxes="keep")


@pytest.mark.parametrize("box", [(1, 1, 83, 30), (-2, 1, 40, 30), (1, 1, 40, 63), (90, 1, 99, 30)])
def test_box_outside_the_image(voc, box):
    voc.xml("a", [("cat", *box)])
    with pytest.raises(
        ValueError, match=r"a.xml: box of 'cat' xmin=.* leaves its image of 80x60 pixels by more"
    ):
        voc.read()


def test_box_a_little_over_the_border_is_clipped_and_said(voc, log):
    voc.xml("a", [("cat", 0, -1, 82, 62)])
    assert voc.read()[0]["instances"][0]["bbox"] == [0, 0, 79, 59]
    (said,) = log.records
    assert said.levelname == "WARNING"
    assert said.getMessage().endswith(
        "trainval.txt: 1 x box that leaves the image by up to 2 pixels clipped "
        "(first: a.xml, cat (0, -1, 82, 62))"
    )
    with pytest.raises(ValueError, match="by more than 0"):
        voc.read(border=0)


def test_box_with_swapped_corners(voc):
    voc.xml("a", [("cat", 40, 1, 1, 30)])
    with pytest.raises(ValueError, match=r"box of 'cat' xmin=40, .* has its corners swapped"):
        voc.read()


def test_box_without_area_is_dropped_and_counted(voc, log):
    voc.xml("a", [("cat", 5, 5, 5, 5), ("dog", 41, 31, 80, 60)])
    assert [i["bbox_label"] for i in voc.read()[0]["instances"]] == [1]
    assert "1 x box without area dropped (first: a.xml, cat (5, 5, 5, 5))" in log.text
    voc.xml("a", [("cat", 5, 5, 5, 5)])
    with pytest.raises(ValueError, match="no boxes"):
        voc.read()


def test_unknown_class_has_a_suggestion(voc):
    voc.xml("a", [("Dgo", 1, 1, 40, 30)])
    with pytest.raises(
        ValueError, match=r"unknown class 'Dgo'; known: cat, dog; did you mean 'dog'\?"
    ):
        voc.read()


def test_incomplete_object(voc):
    path = voc.xml("a", [("cat", 1, 1, 40, 30)])
    path.write_text(path.read_text().replace("<ymax>30</ymax>", ""))
    with pytest.raises(ValueError, match=r"a.xml: <bndbox> has no <ymax>"):
        voc.read()
    path.write_text(path.read_text().replace("<xmin>1<", "<xmin>one<"))
    with pytest.raises(ValueError, match=r"a.xml: <xmin> is 'one', not a number"):
        voc.read()


def test_size_of_another_image(voc):
    voc.image("a", 160, 120)
    with pytest.raises(
        ValueError, match=r"a.xml: written for an image of 80x60 pixels, but its image has 160x120"
    ):
        voc.read()


@pytest.mark.parametrize("size", [(0, 0), (60, 80)])
def test_missing_or_transposed_size_is_taken_from_the_image(voc, size):
    voc.xml("a", [("cat", 1, 1, 70, 30)], size=size)
    assert (voc.read()[0]["width"], voc.read()[0]["height"]) == (80, 60)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_of_a_picture_that_its_exif_data_turn(voc, orientation):
    """Boxes of the frame of the file; readers turn the picture, and its sides change places."""
    pixels = Image.open(voc.root / "JPEGImages/a.jpg")
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels.save(voc.root / "JPEGImages/a.jpg", exif=exif)
    with pytest.raises(
        ValueError,
        match=rf"a.xml: the EXIF orientation {orientation} of .*a.jpg turns .*\(80x60\) was wri",
    ):
        voc.read()
    voc.xml("a", [("cat", 1, 1, 40, 70)], size=(60, 80))  # of the turned picture
    assert voc.read()[0]["instances"][0]["bbox"] == [0, 0, 39, 69]


@pytest.mark.parametrize("cut", [0, 2, 100, -40])
def test_unreadable_image(voc, cut):
    path = voc.root / "JPEGImages/a.jpg"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"a.jpg: cannot be read as an image \(.*\); fetch"):
        voc.read()


def test_many_findings_are_one_error(voc):
    names = [f"n{i}" for i in range(12)]
    voc.split("\n".join([*names, "a"]))
    voc.xml("a", [("fish", 1, 1, 9, 9)])
    with pytest.raises(ValueError, match=r"13 of 13 items are wrong:\n(.*\n){10}  and 3 more"):
        voc.read()


def test_classes_as_a_string(voc):
    with pytest.raises(ValueError, match=r"is the string 'cat', .* write \('cat',\) with a comma"):
        voc.read(metainfo={"classes": "cat"})


@pytest.mark.parametrize("corners", [("60.2", "60.7"), ("1e1", "10.9"), ("80", "81"), ("0", "1")])
@pytest.mark.parametrize("side", ["x", "y"])
def test_a_box_narrower_than_a_pixel_is_dropped_and_counted(voc, log, corners, side):
    """mmdet cuts fractions off: what is left has no area, and its loss is NaN."""
    wide = ("5", "50")
    (x1, x2), (y1, y2) = (corners, wide) if side == "x" else (wide, corners)
    if side == "y":
        voc.image("a", 60, 80)
    size = (80, 60) if side == "x" else (60, 80)
    voc.xml("a", [("cat", x1, y1, x2, y2), ("dog", 5, 5, 50, 50)], size)
    assert [i["bbox"] for i in voc.read()[0]["instances"]] == [[4, 4, 49, 49]]
    assert "1 x box without area dropped (first: a.xml, cat" in log.text


TAGS = ("xmin", "ymin", "xmax", "ymax", "difficult", "width", "height")


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "abc", "1,5", "0x1"])
def test_a_value_that_is_no_number_is_named_with_file_and_tag(voc, tag, value):
    path = voc.xml("a", [("cat", 1, 1, 40, 30)])
    path.write_text(re.sub(rf"<{tag}>\d+<", f"<{tag}>{value}<", path.read_text()))
    with pytest.raises(ValueError, match=rf"a.xml: <{tag}> is '{value}', not a number; correct"):
        voc.read()


@pytest.mark.parametrize(("value", "flag"), [("Unspecified", 0), ("1.0", 1), (" 0 ", 0), ("2", 1)])
def test_difficult_as_tools_write_it(voc, value, flag):
    path = voc.xml("a", [("cat", 1, 1, 40, 30)])
    path.write_text(path.read_text().replace("<difficult>0<", f"<difficult>{value}<"))
    assert voc.read()[0]["instances"][0]["ignore_flag"] == flag


@pytest.mark.parametrize("suffix", [".png", ".jpeg", ".JPG", ".webp", ".bmp", ".tif", ".PNG"])
def test_a_picture_of_any_suffix_is_found_by_the_lists_name(voc, suffix):
    for name in ("a", "b"):
        picture = voc.root / "JPEGImages" / f"{name}.jpg"
        cv2.imwrite(str(picture.with_suffix(suffix)), cv2.imread(str(picture)))
        picture.unlink()
    for lines in ("a\nb\n", f"a{suffix}\nb{suffix}\n"):
        voc.split(lines)
        items = voc.read()
        assert [item["img_path"].rpartition("/")[2] for item in items] == [
            f"a{suffix}",
            f"b{suffix}",
        ]
        assert [item["img_id"] for item in items] == ["a", "b"]


def test_a_picture_is_found_by_the_xmls_filename(voc):
    picture = voc.root / "JPEGImages/a.jpg"
    xml = voc.root / "Annotations/a.xml"
    picture.rename(picture.with_name("IMG 7.jpg"))
    with pytest.raises(FileNotFoundError, match=r"a.jpg: no such image, nor .*<filename> in a.xml"):
        voc.read()
    named = "<annotation><filename>C:\\me\\IMG 7.jpg</filename>"
    xml.write_text(xml.read_text().replace("<annotation>", named))
    assert voc.read()[0]["img_path"].endswith("/JPEGImages/IMG 7.jpg")


def test_two_annotations_of_one_picture(voc):
    for name in ("a", "b"):
        (voc.root / f"JPEGImages/{name}.jpg").rename(voc.root / "JPEGImages/c.jpg")
        xml = voc.root / f"Annotations/{name}.xml"
        named = "<annotation><filename>c.jpg</filename>"
        xml.write_text(xml.read_text().replace("<annotation>", named))
    with pytest.raises(ValueError, match=r"two annotations are of one image, .*c.jpg; remove one"):
        voc.read()


def test_some_classes_of_a_set(voc, log):
    only = {"metainfo": {"classes": ("dog",)}}
    with pytest.raises(ValueError, match=r"unknown class 'cat'; .*other_classes='skip'"):
        voc.read(**only)
    voc.xml("b", [("cat", 1, 1, 40, 30)])
    with pytest.raises(ValueError, match=r"b.xml: no boxes; .*'background' .* or 'skip'"):
        voc.read(**only, other_classes="skip")
    items = voc.read(**only, other_classes="skip", images_without_boxes="skip")
    assert [(i["img_id"], [b["bbox_label"] for b in i["instances"]]) for i in items] == [("a", [0])]
    said = log.records[-1].getMessage()
    assert "2 x object of class 'cat', which is not asked for, skipped (first: " in said
    assert "1 x image without boxes skipped (first: " in said
    with pytest.raises(ValueError, match=r"no image is left"):
        voc.read(metainfo={"classes": ("cow",)}, other_classes="skip", images_without_boxes="skip")
    with pytest.raises(ValueError, match=r"other_classes must be one of error, skip; got 'drop'"):
        voc.read(other_classes="drop")
