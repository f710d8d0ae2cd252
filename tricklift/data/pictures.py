"""Pictures: what the readers take, and what is refused before a training decodes it.

Trainings decode with OpenCV; this asks Pillow too. A picture is read right or refused by name,
whichever reader (classes, boxes, masks) asks.
"""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

from tricklift.data.files import Repairs
from tricklift.data.headers import FORMATS, Picture, image_header
from tricklift.errors import BadPictureError

#: A longer strip shrinks to a side of 0 when it is resized.
MOST_ELONGATED = 100
#: Pillow's names for what comes out as 8 bits of grey or of red, green and blue; alpha is dropped.
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK")
#: Formats that OpenCV is known to read as Pillow does, if upright; a file of another, by both.
_KNOWN = ("JPEG", "PNG", "WEBP")
#: Levels of 255 by which two decoders of one file may differ.
_ROUNDING = 2
_CONVERT = "convert it to an 8-bit PNG or JPEG"
#: Kinds of the rarer formats that OpenCV was seen to read as Pillow does.
_same: set[tuple[Any, ...]] = set()


def check_picture(
    path: str | Path, repairs: Repairs | None = None, data: bytes | None = None
) -> Picture:
    """`image_header`, and whether the right pixels will come out of the decoder.

    Args:
        path: The file.
        repairs: Counts files that hold several pictures, of which the first is read.
        data: Its content, where that is read already.

    Raises:
        MissingFileError: There is no such file.
        BadPictureError: As `image_header`; or a depth, colours or a shape that are not read right.
    """
    picture = image_header(path, data)
    width, height = picture.width, picture.height
    if picture.mode not in MODES and "I;16" not in picture.mode:
        raise BadPictureError(
            f"{path}: is of mode {picture.mode!r}, not 8 bits of grey or colours; {_CONVERT}"
        )
    if picture.bits > 8:
        raise BadPictureError(
            f"{path}: has {picture.bits} bits a channel, and nothing says which value is white, so "
            "it may be read almost black; scale it to 8 bits (full range: `mogrify -depth 8 FILE`)"
        )
    if max(width, height) > MOST_ELONGATED * min(width, height):
        raise BadPictureError(
            f"{path}: {width}x{height} pixels, more than {MOST_ELONGATED} times as long as wide; "
            "cut it into pieces, or remove it"
        )
    known = picture.format == "JPEG" or (picture.format in _KNOWN and picture.orientation == 1)
    if not known and not _same_pixels(path, data, picture):
        raise BadPictureError(
            f"{path}: OpenCV does not read this {picture.format} as Pillow does (mode "
            f"{picture.mode!r}, EXIF orientation {picture.orientation}); {_CONVERT}"
        )
    if picture.frames > 1 and repairs is not None:
        repairs.note("file with several pictures, of which the first is read", str(path))
    return picture


def check_frame(
    picture: Picture, path: str | Path, given: tuple[float, float], where: str, repairs: Repairs
) -> None:
    """Whether an annotation is written for a picture as readers turn it, by its EXIF orientation.

    Args:
        picture: Of the annotation.
        path: Its file.
        given: Width and height of the annotation; 0 where it says none.
        where: The annotation's file, for the message.
        repairs: Counts pictures that are turned as their annotation is.

    Raises:
        BadPictureError: It has an orientation, and the sides do not say that boxes or mask are
            written for the turned picture: they may be anywhere.
    """
    if picture.orientation == 1:
        return
    stored = (picture.width, picture.height)
    if given == picture.size != stored:
        repairs.note("picture turned by its EXIF orientation, as its annotation is", str(path))
        return
    whether = "does not say" if given in ((0, 0), picture.size) else "was written without it"
    raise BadPictureError(
        f"{where}: the EXIF orientation {picture.orientation} of {path} turns it when it is read "
        f"(stored as {stored[0]}x{stored[1]} pixels), and the annotation ({given[0]:g}x"
        f"{given[1]:g}) {whether}, so it would be in the wrong place; remove the orientation "
        "(`exiftool -Orientation= FILE`) if it is drawn on the picture as stored, or turn the "
        "pixels (`mogrify -auto-orient FILE`) if it is drawn on the turned picture"
    )


def _same_pixels(path: str | Path, data: bytes | None, picture: Picture) -> bool:
    """Whether OpenCV reads a file as Pillow does; of one kind without alpha, the first is asked."""
    data = Path(path).read_bytes() if data is None else data
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        kind = (
            picture.format,
            picture.mode,
            picture.orientation,
            str(image.tile and image.tile[0][3]),
        )
        if kind in _same:
            return True
        ImageOps.exif_transpose(image, in_place=True)
        wanted = np.asarray(image.convert("RGB"))
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if found is None or found.shape != wanted.shape:
        return False
    if cv2.norm(found, wanted[..., ::-1], cv2.NORM_INF) > _ROUNDING:
        return False
    if "A" not in picture.mode:
        _same.add(kind)
    return True
