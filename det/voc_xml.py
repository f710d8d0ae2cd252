"""Pascal VOC annotations: one XML an image."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from det.checks import CORNERS, Rules, check_box, check_size
from det.xml_file import parse
from tricklift.data.files import Repairs
from tricklift.data.pictures import check_picture
from tricklift.errors import UserError

#: What is read of an object, once.
_PARTS = ("name", "bndbox", "difficult")
_YES, _NO = ("true", "yes"), ("", "unspecified", "false", "no")


@dataclass(frozen=True)
class Annotation:
    """One image's annotation, checked.

    Attributes:
        root: The XML, with names stripped and boxes inside the image.
        width: Image width in pixels, from the image file.
        height: Image height in pixels, from the image file.
    """

    root: Element
    width: int
    height: int

    @property
    def empty(self) -> bool:
        """Whether it has no object."""
        return self.root.find("object") is None


def read_annotation(
    root: Element, xml: Path, image: Path, rules: Rules, repairs: Repairs
) -> Annotation:
    """Check one VOC XML and the header of its image.

    Coordinates are VOC's: 1-based, inclusive. Fractions are cut off, as mmdet does, so that numbers
    compare. A box that leaves the image by up to `rules.border` pixels is clipped, one that is not
    wider than a pixel after that (a click) is dropped, a size that the XML lacks or gives
    transposed is taken from the image, and `difficult` without a value means no; each is counted in
    `repairs`. ``<part>``, ``<truncated>``, ``<pose>`` and what else there may be is not read.

    Args:
        root: What `det.xml_file.parse` made of the file; changed in place.
        xml: The annotation's file, for messages.
        image: Its image.
        rules: What the data set asks.
        repairs: Counts what is mended, changed in place.

    Raises:
        MissingFileError: The image is missing.
        UserError: An unreadable image, no annotation, an object within another, an unknown class, a
            tag that is missing or there twice, a value that is no number, a box outside the image
            or with swapped corners, or another size than the image's.
    """
    picture = check_picture(image, repairs)
    width, height = picture.size
    size = _only(root, "size", xml)
    given = [_number(size, key, xml, needed=False) for key in ("width", "height")]
    check_size((given[0], given[1]), picture, image, str(xml), repairs)
    for node in objects(root, xml):
        if not _check_object(node, xml, (width, height), rules, repairs):
            root.remove(node)
    return Annotation(root, width, height)


def picture_named(root: Element) -> str:
    """What an annotation calls its image's file; empty where it does not say."""
    return (root.findtext("filename") or "").strip()


def objects(root: Element, xml: Path) -> list[Element]:
    """The objects of an annotation.

    Raises:
        UserError: It is none, or holds an object that is not directly below its root.
    """
    found = root.findall("object")
    if not found and root.tag != "annotation":
        raise UserError(
            f"{xml}: its root is <{root.tag}>, so it is no VOC annotation (<annotation> with an "
            "<object> for each box); convert it, or take the image off the list"
        )
    known = set(map(id, found))
    for parent in root.iter():
        if any(child.tag == "object" and id(child) not in known for child in parent):
            raise UserError(
                f"{xml}: an <object> within <{parent.tag}> would not be read; move it out, to "
                f"stand directly below <{root.tag}>"
            )
    return found


def count_classes(xmls: Iterable[Path], repairs: Repairs) -> Counter[str]:
    """How many objects of each class annotations hold; those without a name are no class."""
    nodes = (node for xml in xmls for node in objects(parse(xml, repairs), xml))
    names = ((node.findtext("name") or "").strip() for node in nodes)
    return Counter(name for name in names if name)


def _check_object(
    node: Element, xml: Path, size: tuple[int, int], rules: Rules, repairs: Repairs
) -> bool:
    """Check one object and write back what is mended; False means that it is to be dropped."""
    named, corners, difficult = (_only(node, tag, xml) for tag in _PARTS)
    if named is None or not (name := (named.text or "").strip()):
        raise UserError(f"{xml}: an <object> has no <name>; complete the annotation")
    if not rules.takes(name, str(xml), repairs):
        return False
    named.text = name
    _check_difficult(difficult, xml, repairs)
    if corners is None:
        there = ", ".join(f"<{child.tag}>" for child in node)
        raise UserError(
            f"{xml}: the <object> {name!r} has no <bndbox> (it has {there}); add its box"
        )
    box = [_number(corners, key, xml) for key in CORNERS]
    clipped = check_box(box, 1, size, name, str(xml), rules.border, repairs)
    if clipped is None:
        return False
    for key, value in zip(CORNERS, clipped, strict=True):
        corners.find(key).text = str(value)  # type: ignore[union-attr]
    return True


def _check_difficult(node: Element | None, xml: Path, repairs: Repairs) -> None:
    """Write 0 or 1 into <difficult>, which mmdet reads without asking."""
    if node is None:
        return
    text = (node.text or "").strip().lower()
    if text in ("", "unspecified"):
        repairs.note("<difficult> without a value taken as 0", xml.name)
    node.text = str(int(text in _YES or (text not in _NO and bool(_as_number(node, xml)))))


def _only(node: Element, tag: str, xml: Path) -> Element | None:
    """The child of that tag, None where there is none.

    Raises:
        UserError: There are several.
    """
    found = node.findall(tag)
    if len(found) > 1:
        raise UserError(
            f"{xml}: <{node.tag}> has {len(found)} times <{tag}>, and one of them is meant; take "
            "the others out"
        )
    return found[0] if found else None


def _number(node: Element | None, tag: str, xml: Path, needed: bool = True) -> float:
    """The number in a child of a node; 0 where it is neither needed nor there.

    Raises:
        UserError: It is needed and not there, there twice, or no number.
    """
    child = None if node is None else _only(node, tag, xml)
    if child is not None and (child.text or "").strip():
        return _as_number(child, xml)
    if not needed:
        return 0.0
    assert node is not None, "only a size may be missing"
    raise UserError(f"{xml}: <{node.tag}> has no <{tag}>; complete the annotation")


def _as_number(node: Element, xml: Path) -> float:
    try:
        value = float(node.text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{xml}: <{node.tag}> is {node.text!r}, not a number; correct the XML")
    return value
