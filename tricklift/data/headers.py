"""The header and the end of a picture's file: what it is, how large, how deep, turned or cut off.

Formats are told by their content. The header and the end of a JPEG, PNG or WEBP are looked at; the
rarer formats do not say where they end, and are decoded to find out.
"""

import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from tricklift.errors import BadPictureError, MissingFileError, UserError

#: In the environment: how many pixels a picture may have. 100 million are 300 MB in a data worker.
LIMIT = "TRICKLIFT_MAX_PIXELS"
MOST_PIXELS = 100_000_000
OPENCVS_MOST = 2**30
#: By their content, whatever the suffix says.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM")
_ORIENTATION = 0x0112  # the EXIF tag: 1 is upright, 2 to 4 mirror and flip, 5 to 8 swap the sides
_START, _SCAN, _END = b"\xff\xd8", 0xDA, b"\xff\xd9"
#: A JPEG's end is looked for here first: some programs add a few bytes after it.
_TAIL = 64
_PNGS_END = b"IEND\xaeB`\x82"
#: What lies under a picture's name and is none.
_LOOKS_LIKE = (
    (rb"\s*(<!doctype html|<html|<\?xml)", "it is a web page or XML, such as a download's error"),
    (
        rb"version https://git-lfs",
        "it is a pointer of Git LFS (`git lfs pull` fetches the picture)",
    ),
    (rb"GIF8", "it is a GIF"),
    (rb"....ftyp(hei|hev|mif|msf)", "it is HEIC, as phones write it"),
    (rb"....ftypavi", "it is AVIF"),
    (rb"(\x00{4}|....)jP  ", "it is JPEG 2000"),
    (rb"%PDF", "it is a PDF"),
    (rb"PK\x03\x04|\x1f\x8b", "it is an archive"),
    (rb"8BPS", "it is a Photoshop file"),
    (rb"\x00\x05\x16\x07", "it is a macOS resource file"),
)
_UNREADABLE = "cannot be read as an image"
_CUT = f"{_UNREADABLE} (its end is missing)"
_AGAIN = "fetch or write the file again, or remove it"


@dataclass(frozen=True)
class Picture:
    """What a picture's header says.

    Attributes:
        width: In pixels, as the file stores it.
        height: In pixels, as the file stores it.
        mode: Pillow's: ``RGB``, ``L``, ...
        format: One of `FORMATS`.
        bits: Of a channel.
        orientation: Of its EXIF part: 1 is upright, 2 to 8 turn or mirror it when it is decoded.
        frames: How many pictures the file holds; the first is read.
    """

    width: int
    height: int
    mode: str
    format: str
    bits: int = 8
    orientation: int = 1
    frames: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what a training gets: after EXIF rotation."""
        sides = self.width, self.height
        return sides[::-1] if self.orientation >= 5 else sides


def most_pixels() -> int:
    """How many pixels a picture may have.

    Raises:
        UserError: TRICKLIFT_MAX_PIXELS is no such number.
    """
    text = os.environ.get(LIMIT, str(MOST_PIXELS))
    if not text.isdecimal() or not 0 < int(text) <= OPENCVS_MOST:
        raise UserError(
            f"{LIMIT} is {text!r}; it takes a number of pixels from 1 to {OPENCVS_MOST}, "
            "which is the most that OpenCV decodes"
        )
    return int(text)


def image_header(
    path: str | Path, data: bytes | None = None, formats: Sequence[str] = FORMATS
) -> Picture:
    """What the header of a picture says; a file that is none, or cut off, is refused.

    Args:
        path: The file.
        data: Its content, where that is read already.
        formats: Pillow's names of those that it may have.

    Raises:
        MissingFileError: There is no such file.
        BadPictureError: It is empty, no picture of a known format, cut off, or too large.
    """
    try:
        with io.BytesIO(data) if data is not None else open(path, "rb") as file:
            return _header(file, path, formats)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MissingFileError(f"{path}: no such image; add it, or correct the name") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, UserError):
            raise
        why = getattr(error, "strerror", None) or error
        raise BadPictureError(f"{path}: {_UNREADABLE} ({why}); {_AGAIN}") from error


def cut_short(data: bytes) -> bool:
    """Whether a file is a JPEG without the marker that ends its picture.

    Decoders fill what is missing with one flat value, some of them without a word. What comes
    before the first scan (the end of a thumbnail) and after the marker (a film) does not matter.
    """
    if data[: len(_START)] != _START or _END in data[-_TAIL:]:
        return False
    scan = next((place for kind, place in segments(data) if kind == _SCAN), len(data))
    return data.rfind(_END, scan) < 0


def segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Second byte and place of each marker of a JPEG file, the first scan's at the last."""
    place, kind = len(_START), 0
    while kind not in (_SCAN, _END[1]) and place + 4 <= len(data) and data[place] == 0xFF:
        kind = data[place + 1]
        yield kind, place
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")


def _header(file: BinaryIO, path: str | Path, formats: Sequence[str]) -> Picture:
    head = file.read(512)
    if not head:
        raise BadPictureError(f"{path}: {_UNREADABLE} (it has 0 bytes); {_AGAIN}")
    most, size = most_pixels(), file.seek(0, os.SEEK_END)
    if head[:4] == b"RIFF" and size < int.from_bytes(head[4:8], "little") + 8:
        raise BadPictureError(f"{path}: {_CUT}; {_AGAIN}")
    with _opened(file, path, head, formats) as image:
        width, height = _stored_size(image)
        if width * height > most:
            raise BadPictureError(
                f"{path}: {width}x{height} pixels are more than {most}; make it smaller, or allow "
                f"it with {LIMIT}={min(width * height, OPENCVS_MOST)} in the environment"
            )
        Image.MAX_IMAGE_PIXELS = most  # also for whoever decodes it later
        kind = "JPEG" if image.format == "MPO" else str(image.format)  # MPO: with a preview
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        bits, turned = _bits(image), _tags(image).get(_ORIENTATION, 1)
        if not _is_whole(file, image):
            raise BadPictureError(f"{path}: {_CUT}; {_AGAIN}")
        turned = _orientation(image.info.get("exif"), turned)
        return Picture(width, height, image.mode, kind, bits, turned, frames)


def _opened(file: BinaryIO, path: str | Path, head: bytes, formats: Sequence[str]) -> Image.Image:
    """A file's header; no pixel is decoded, so there is no limit yet."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        file.seek(0)
        return Image.open(file, formats=list(formats))
    except UnidentifiedImageError as error:
        signs = (what for sign, what in _LOOKS_LIKE if re.match(sign, head, re.I | re.S))
        found = next(signs, "")
        remedy = "convert or replace it, or remove it" if found else _AGAIN
        raise BadPictureError(
            f"{path}: {_UNREADABLE} ({found or 'it does not begin as one'}; known are "
            f"{', '.join(formats)}); {remedy}"
        ) from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _tags(image: Image.Image) -> Mapping[int, Any]:
    """A TIFF's, which has no EXIF part for them."""
    return dict(image.tag_v2) if image.format == "TIFF" else {}  # type: ignore[attr-defined]


def _stored_size(image: Image.Image) -> tuple[int, int]:
    tags = _tags(image)
    return tags.get(256, image.width), tags.get(257, image.height)  # Pillow turns them


def _is_whole(file: BinaryIO, image: Image.Image) -> bool:
    """Whether a JPEG or PNG has its end; a format that has none is decoded."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
    tail = file.read()
    if image.format in ("JPEG", "MPO"):
        file.seek(0)
        return _END in tail[-_TAIL:] or not cut_short(file.read())
    whole = image.format == "WEBP" or (image.format == "PNG" and _PNGS_END in tail)
    if not whole or b"eXIf" in tail:  # an EXIF part after a PNG's pixels
        image.load()
    return True


def _bits(image: Image.Image) -> int:
    """Bits of a channel, at least 8; Pillow hides those that it cuts off itself."""
    given = [str(tile[3]) for tile in getattr(image, "tile", ())]
    if image.format == "TIFF":
        return max(8, *_tags(image).get(258, (8,)))
    if image.format == "PPM":  # what the decoder is told: the value of white
        return max([8, *(int(n).bit_length() for text in given for n in re.findall(r"\d+", text))])
    return 16 if any("16" in text for text in given) else 8


def _orientation(held: bytes | None, value: int) -> int:
    """What the EXIF part says, and not what XMP does, which OpenCV passes over."""
    if held:
        exif = Image.Exif()
        with suppress(Exception):  # a broken part: decoders pass it over too
            exif.load(held)
            value = exif.get(_ORIENTATION, value)
    return value if value in range(1, 9) else 1
