"""Pascal VOC annotations: one XML an image."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError
from xml.parsers import expat

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from det.checks import CORNERS, Rules, check_box, check_size
from tricklift.data.checks import image_header
from tricklift.data.files import Repairs
from tricklift.errors import MissingFileError, UserError

_DECLARED = re.compile(rb"""<\?xml[^>]*encoding=["']([\w.-]+)["'][^>]*\?>""")
#: Of a file: some ten thousand boxes, and tags in tags.
MOST_BYTES, MOST_DEPTH = 4 << 20, 100
#: What some programs call UTF-8.
_UTF_8 = ("utf8mb4", "utf8mb3", "unicode", "utf")


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

    Coordinates are VOC's: 1-based, inclusive; mmdet cuts off their fractions. A box that leaves the
    image by up to `rules.border` pixels is clipped, one without area after that (a click, or
    narrower than a pixel) is dropped, a size that the XML gives as 0 or transposed is taken from
    the image, and `difficult` without a value means no; each is counted in `repairs`.

    Args:
        root: What `parse` made of the file; changed in place.
        xml: The annotation's file, for messages.
        image: Its image.
        rules: What the data set asks.
        repairs: Counts what is mended, changed in place.

    Raises:
        MissingFileError: The image is missing.
        UserError: An unreadable image, an unknown class, a value that is no number, a box outside
            the image or with swapped corners, or another size than the image's.
    """
    width, height, _ = image_header(image)
    given = tuple(_number(root.find("size"), key, xml, default=0) for key in ("width", "height"))
    check_size((given[0], given[1]), (width, height), image, str(xml), repairs)
    for node in root.findall("object"):
        if not _check_object(node, xml, (width, height), rules, repairs):
            root.remove(node)
    return Annotation(root, width, height)


def parse(xml: Path, repairs: Repairs) -> Element:
    """The content of an XML file, in any encoding that Python knows.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is not parseable, or has entities.
    """
    if not xml.is_file():
        raise MissingFileError(f"{xml}: no such annotation; add it, or take the image off the list")
    data = xml.read_bytes()
    _refuse_bomb(data, xml)
    try:
        try:
            root: Element = fromstring(data)
        except (LookupError, ValueError):  # an encoding that the parser lacks; Python has more
            root = fromstring(_decoded(data, xml, repairs))
    except (ParseError, UnicodeDecodeError, LookupError) as error:
        raise UserError(f"{xml}: not parseable as XML ({error}); write the file again") from error
    except DefusedXmlException as error:
        raise UserError(
            f"{xml}: has a document type with entities, which is refused ({error}); "
            "save the file without it"
        ) from error
    return root


def _refuse_bomb(data: bytes, xml: Path) -> None:
    """Refuses what takes seconds to read; small files take none, whatever is in them.

    Raises:
        UserError: It is larger or deeper than any annotation.
    """
    if len(data) > MOST_BYTES:
        raise UserError(f"{xml}: {len(data):,} bytes, and an annotation has {MOST_BYTES:,} at most")
    if len(data) < MOST_BYTES // 32:
        return
    depth = 0

    def start(name: str, attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise _TooDeep

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(data, True)
    except _TooDeep:
        raise UserError(f"{xml}: over {MOST_DEPTH} levels deep; write the file again") from None
    except (expat.ExpatError, LookupError, ValueError):
        return  # what is wrong is said by the reader


class _TooDeep(Exception):
    """Tags in tags in tags."""


def _decoded(data: bytes, xml: Path, repairs: Repairs) -> str:
    found = _DECLARED.match(data)
    name = found[1].decode() if found else "utf-8"
    if name.lower() in _UTF_8:
        repairs.note(f"encoding {name!r} in the XML taken as UTF-8", xml.name)
        name = "utf-8"
    return _DECLARED.sub(b"", data, count=1).decode(name)


def picture_named(root: Element) -> str:
    """What an annotation calls its image's file; empty where it does not say."""
    return (root.findtext("filename") or "").strip()


def count_classes(xmls: Iterable[Path], repairs: Repairs) -> Counter[str]:
    """How many objects of each class annotations hold; those without a name are no class."""
    nodes = (node for xml in xmls for node in parse(xml, repairs).findall("object"))
    names = ((node.findtext("name") or "").strip() for node in nodes)
    return Counter(name for name in names if name)


def _check_object(
    node: Element, xml: Path, size: tuple[int, int], rules: Rules, repairs: Repairs
) -> bool:
    """Check one object and write back what is mended; False means that it is to be dropped."""
    name = _text(node, "name", xml).strip()
    if not rules.takes(name, str(xml), repairs):
        return False
    node.find("name").text = name  # type: ignore[union-attr]
    _check_difficult(node, xml, repairs)
    corners = node.find("bndbox")
    box = [_number(corners, key, xml) for key in CORNERS]
    clipped = check_box(box, 1, size, name, str(xml), rules.border, repairs)
    if clipped is None:
        return False
    for key, value in zip(CORNERS, clipped, strict=True):
        corners.find(key).text = str(value)  # type: ignore[union-attr]
    return True


def _check_difficult(node: Element, xml: Path, repairs: Repairs) -> None:
    """Write a number into <difficult>, which mmdet reads without asking."""
    child = node.find("difficult")
    if child is None:
        return
    if (child.text or "").strip().lower() in ("", "unspecified"):
        repairs.note("<difficult> without a value taken as 0", xml.name)
        child.text = "0"
    else:
        child.text = str(int(bool(_number(node, "difficult", xml))))


def _text(node: Element | None, key: str, xml: Path) -> str:
    child = None if node is None else node.find(key)
    if child is None or not (child.text or "").strip():
        tag = "object" if node is None else node.tag
        raise UserError(f"{xml}: <{tag}> has no <{key}>; complete the annotation")
    return child.text or ""


def _number(node: Element | None, key: str, xml: Path, default: float | None = None) -> float:
    if default is not None and (node is None or node.find(key) is None):
        return default
    text = _text(node, key, xml)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{xml}: <{key}> is {text!r}, not a number; correct the XML")
    return value
