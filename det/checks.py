"""Look at Pascal VOC annotations before training: one clear error, or repairs that are counted."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tricklift.data.checks import image_header, require
from tricklift.errors import MissingFileError, UserError, did_you_mean

CORNERS = ("xmin", "ymin", "xmax", "ymax")
WITHOUT_BOXES = ("error", "background")


@dataclass
class Repairs:
    """What was mended while reading; said once a data set, never silently.

    Attributes:
        counts: How often each repair was made.
        first: Where it was made first.
    """

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def note(self, what: str, where: str) -> None:
        """Count one repair."""
        self.counts[what] += 1
        self.first.setdefault(what, where)

    def __str__(self) -> str:
        return "; ".join(
            f"{n} x {what} (first: {self.first[what]})" for what, n in self.counts.items()
        )


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


def read_split(path: str | Path, prepare: str) -> list[str]:
    """Image names of an ``ImageSets/Main`` list, in its order.

    Args:
        path: Text file with one name a line.
        prepare: See `tricklift.data.checks.require`.

    Raises:
        MissingFileError: The list is missing.
        UserError: It is empty, or lists one class's presence (``000005 -1``).
    """
    file = require(path, "list of images", prepare)
    lines = [line.split() for line in file.read_text().splitlines() if line.strip()]
    if not lines:
        raise UserError(f"{file} lists no image; write one image name a line, without suffix")
    if any(len(words) > 1 for words in lines):
        raise UserError(
            f"{file} has more than a name in a line, so it is the list of one class; use "
            "trainval.txt, train.txt, val.txt or test.txt"
        )
    return [words[0] for words in lines]


def read_annotation(
    xml: str | Path,
    image: str | Path,
    classes: tuple[str, ...],
    border: int,
    without_boxes: str,
    repairs: Repairs,
) -> Annotation:
    """Read and check one VOC XML and the header of its image.

    Coordinates are VOC's: 1-based, inclusive; mmdet cuts off their fractions. A box that leaves the
    image by up to `border` pixels is clipped, one without area after that (a click, or narrower
    than a pixel) is dropped, a size that the XML gives as 0 or transposed is taken from the image,
    and `difficult` without a value means no; each is counted in `repairs`.

    Args:
        xml: The annotation.
        image: Its image.
        classes: Known class names.
        border: Pixels by which a box may leave the image.
        without_boxes: ``error``, or ``background`` to keep an image without objects.
        repairs: Counts what is mended, changed in place.

    Raises:
        MissingFileError: The XML or the image is missing.
        UserError: Not parseable, an unreadable image, no boxes, an unknown class, a value that is
            no number, a box outside the image or with swapped corners, or another size than the
            image's.
    """
    xml = Path(xml)
    root = _parse(xml)
    width, height, _ = image_header(image)
    _check_size(root, xml, (width, height), repairs)
    for node in root.findall("object"):
        if not _check_object(node, xml, (width, height), classes, border, repairs):
            root.remove(node)
    if without_boxes == "error" and root.find("object") is None:
        raise UserError(
            f"{xml}: no boxes; annotate the image, take it out of the ImageSets list, or keep such "
            "images as background with images_without_boxes='background' in the dataset's config"
        )
    return Annotation(root, width, height)


def _parse(xml: Path) -> Element:
    if not xml.is_file():
        raise MissingFileError(f"{xml}: no such annotation; add it, or take the image off the list")
    try:
        return fromstring(xml.read_bytes())
    except (ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{xml}: not parseable as XML ({error}); write the file again") from error
    except DefusedXmlException as error:
        raise UserError(
            f"{xml}: has a document type with entities, which is refused ({error}); "
            "save the file without it"
        ) from error


def _check_size(root: Element, xml: Path, size: tuple[int, int], repairs: Repairs) -> None:
    given = tuple(_number(root.find("size"), key, xml, default=0) for key in ("width", "height"))
    if given == size:
        return
    if 0 in given or given == size[::-1]:
        repairs.note("size in the XML is missing or transposed, taken from the image", xml.name)
        return
    raise UserError(
        f"{xml}: written for an image of {given[0]:g}x{given[1]:g} pixels, but its image has "
        f"{size[0]}x{size[1]}, so the boxes would be wrong; restore the image or scale the boxes"
    )


def _check_object(
    node: Element,
    xml: Path,
    size: tuple[int, int],
    classes: tuple[str, ...],
    border: int,
    repairs: Repairs,
) -> bool:
    """Check one object and write back what is mended; False means that it is to be dropped."""
    name = _text(node, "name", xml).strip()
    if name not in classes:
        raise UserError(
            f"{xml}: unknown class {name!r}; known: {', '.join(classes)}"
            f"{did_you_mean(name, classes)}; correct the XML, or set metainfo.classes"
        )
    node.find("name").text = name  # type: ignore[union-attr]
    _check_difficult(node, xml, repairs)
    corners = node.find("bndbox")
    box = [_number(corners, key, xml) for key in CORNERS]
    where = f"{xml.name}, {name} ({', '.join(f'{v:g}' for v in box)})"
    limits = (size[0], size[1], size[0], size[1])
    if box[2] < box[0] or box[3] < box[1]:
        raise UserError(
            f"{xml}: box of {name!r} {_shown(box)} has its corners swapped; "
            "xmin < xmax and ymin < ymax are needed"
        )
    # the cut: 1 <= coordinate <= side
    if any(v < 1 - border or v > limit + border for v, limit in zip(box, limits, strict=True)):
        raise UserError(
            f"{xml}: box of {name!r} {_shown(box)} leaves its image of {size[0]}x{size[1]} pixels "
            f"by more than {border}; correct the box, or allow more with border=N in the dataset"
        )
    clipped = [min(max(int(v), 1), limit) for v, limit in zip(box, limits, strict=True)]
    if clipped[2] == clipped[0] or clipped[3] == clipped[1]:
        repairs.note("box without area dropped", where)
        return False
    if any(v < 1 or v > limit for v, limit in zip(box, limits, strict=True)):
        repairs.note(f"box that leaves the image by up to {border} pixels clipped", where)
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


def _shown(box: list[float]) -> str:
    return ", ".join(f"{key}={value:g}" for key, value in zip(CORNERS, box, strict=True))


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
