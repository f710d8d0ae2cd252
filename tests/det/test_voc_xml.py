"""VOC's tags, one kind of fault after another: read right, mended and counted, or named."""

import re

import pytest

from det.checks import Rules
from det.voc_xml import count_classes, read_annotation
from det.xml_file import parse
from tricklift.data.files import Repairs

BOX = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>40</xmax><ymax>30</ymax></bndbox>"
OBJECT = f"<object><name>cat</name><difficult>0</difficult>{BOX}</object>"
SIZE = "<size><width>80</width><height>60</height><depth>3</depth></size>"
GOOD = f"<annotation><filename>a.jpg</filename>{SIZE}{OBJECT}</annotation>"


@pytest.fixture
def read(voc):
    """Boxes of an annotation of a picture of 80x60 pixels, and what was mended."""
    xml, image = voc.root / "Annotations/a.xml", voc.root / "JPEGImages/a.jpg"

    def run(text, **rules):
        xml.write_text(text)
        repairs = Repairs()
        rules = Rules(("cat", "dog"), **rules)
        root = parse(xml, repairs)
        found = read_annotation(root, xml, image, rules, repairs).root
        boxes = [
            [n.findtext("name"), n.findtext("difficult"), *(c.text for c in n.find("bndbox"))]
            for n in found.findall("object")
        ]
        return boxes, str(repairs)

    return run


CAT = [["cat", "0", "1", "1", "40", "30"]]
READ = {
    "as it is": GOOD,
    "no filename": GOOD.replace("<filename>a.jpg</filename>", ""),
    "an empty filename": GOOD.replace("a.jpg", ""),
    "namespace": GOOD.replace("<annotation>", '<annotation xmlns="http://host/voc">'),
    "capitals": GOOD.replace("object>", "Object>").replace("bndbox", "BndBox"),
    "comments": GOOD.replace("<name>", "<!-- <object/> --><name>").replace(">40<", ">4<!-- -->0<"),
    "spaces": GOOD.replace(">cat<", "> cat\n<").replace(">40<", "> 40 <"),
    "whole numbers with a point": GOOD.replace(">40<", ">40.0<").replace(">80<", ">8e1<"),
    "truncated in any way": GOOD.replace("<name>", "<truncated>Unspecified</truncated><name>"),
    "parts, as VOC's persons have them": GOOD.replace(
        "</object>", f"<part><name>head</name>{BOX}</part></object>"
    ),
    "another root": GOOD.replace("annotation>", "doc>"),
}


@pytest.mark.parametrize("kind", READ)
def test_it_is_read_as_it_stands(read, kind):
    assert read(READ[kind]) == (CAT, "")


MENDED = {
    "no size": (GOOD.replace(SIZE, ""), "size in the annotation is missing or transposed"),
    "an empty size": (GOOD.replace(SIZE, "<size/>"), "size in the annotation is missing or tr"),
    "an empty width": (GOOD.replace(">80<", "> <"), "size in the annotation is missing or tran"),
    "a height of 0": (GOOD.replace(">60<", ">0<"), "size in the annotation is missing or transp"),
    "difficult empty": (GOOD.replace(">0<", "><"), "<difficult> without a value taken as 0"),
    "fractions": (
        GOOD.replace(">40<", ">40.9<"),
        r"box with fractions of pixels cut to whole ones, as mmdet reads VOC \(first: a.xml, cat",
    ),
    "0 as the first pixel": (GOOD.replace("<xmin>1<", "<xmin>0<"), "box that leaves .* clipped"),
    "a click beside it": (
        GOOD.replace("</annotation>", OBJECT.replace(">40<", ">1<") + "</annotation>"),
        "box without area dropped",
    ),
}


@pytest.mark.parametrize("kind", MENDED)
def test_it_is_mended_and_counted(read, kind):
    text, words = MENDED[kind]
    boxes, said = read(text)
    assert boxes == CAT
    assert re.match(f"1 x {words}", said) and ";" not in said


WORDS = {"true": "1", "True": "1", "yes": "1", "1": "1", "1.0": "1"} | dict.fromkeys(
    ("false", "False", "no", "0", "0.0"), "0"
)


@pytest.mark.parametrize("word", WORDS)
def test_difficult_in_words(read, word):
    boxes, said = read(GOOD.replace("<difficult>0<", f"<difficult>{word}<"))
    assert (boxes[0][1], said) == (WORDS[word], "")


def test_difficult_may_be_missing(read):
    boxes, said = read(GOOD.replace("<difficult>0</difficult>", ""))
    assert (boxes[0][1], said) == (None, "")


REFUSED = {
    "no name": (GOOD.replace("<name>cat</name>", ""), "an <object> has no <name>; complete"),
    "an empty name": (GOOD.replace(">cat<", "> <"), "an <object> has no <name>; complete"),
    "two names": (GOOD.replace("<name>", "<name>dog</name><name>"), "<object> has 2 times <name>"),
    "no bndbox": (
        GOOD.replace(BOX, "<polygon/>"),
        r"the <object> 'cat' has no <bndbox> \(it has <name>, <difficult>, <polygon>\); add its",
    ),
    "two boxes": (GOOD.replace(BOX, BOX * 2), "<object> has 2 times <bndbox>, and one"),
    "two corners": (GOOD.replace("<xmin>", "<xmin>3</xmin><xmin>"), "<bndbox> has 2 times <xmin>"),
    "two sizes": (GOOD.replace(SIZE, SIZE * 2), "<annotation> has 2 times <size>"),
    **{
        f"no {tag}": (re.sub(f"<{tag}>.*</{tag}>", "", GOOD), f"<bndbox> has no <{tag}>; complete")
        for tag in ("xmin", "ymin", "xmax", "ymax")
    },
    "an object within an object": (
        GOOD.replace("</object>", f"{OBJECT}</object>"),
        "an <object> within <object> would not be read; move it out, to stand directly below <ann",
    ),
    "objects within objects": (
        GOOD.replace(OBJECT, f"<objects>{OBJECT}</objects>"),
        "an <object> within <objects> would not be read",
    ),
    "annotations within annotations": (
        f"<annotations>{GOOD}</annotations>",
        "its root is <annotations>, so it is no VOC annotation",
    ),
    "another program's": ("<svg><g/></svg>", "its root is <svg>, so it is no VOC annotation"),
    "difficult in other words": (
        GOOD.replace("<difficult>0<", "<difficult>hard<"),
        "<difficult> is 'hard', not a number; correct",
    ),
    "a width of another image": (
        GOOD.replace(">80<", ">160<").replace(">60<", "><"),
        "written for an image of 160x0 pixels, but its image has 80x60",
    ),
    "a negative size": (GOOD.replace(">80<", ">-80<"), "for an image of -80x60 pixels, but"),
    "swapped corners": (
        GOOD.replace("<xmin>1<", "<xmin>41<"),
        r"box of 'cat' xmin=41, ymin=1, xmax=40, ymax=30 has its corners swapped; xmin < xmax",
    ),
    "outside": (GOOD.replace(">40<", ">400<"), "leaves its image of 80x60 pixels by more than 2"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_with_the_file_the_tag_and_what_to_do(read, kind):
    text, words = REFUSED[kind]
    with pytest.raises(ValueError, match=f"Annotations/a.xml: .*{words}"):
        read(text)


@pytest.mark.parametrize(("x1", "x2"), [(1, 2), (79, 80), (1.9, 2.0), (0, 2), (79.5, 82)])
def test_no_box_that_is_kept_is_empty_as_mmdet_reads_it(read, x1, x2):
    """mmdet takes 1 off both corners after it has cut them: that leaves a pixel at least."""
    text = GOOD.replace("<xmin>1<", f"<xmin>{x1}<").replace("<xmax>40<", f"<xmax>{x2}<")
    ((_, _, left, _, right, _),) = read(text)[0]
    assert 1 <= int(left) < int(right) <= 80


def test_classes_are_counted_as_they_are_read(voc):
    xml = voc.xml("a", [(" cat", 1, 1, 9, 9), ("", 1, 1, 9, 9), ("dog", 1, 1, 9, 9)])
    assert count_classes([xml, xml], Repairs()) == {"cat": 2, "dog": 2}
    xml.write_text(GOOD.replace("</object>", f"{OBJECT}</object>"))
    with pytest.raises(ValueError, match="within <object> would not be read"):
        count_classes([xml], Repairs())
