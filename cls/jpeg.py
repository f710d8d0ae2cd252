"""JPEG files, decoded no further than a crop needs.

Two things can be left out:

- Rows below the crop. A sequential file is coded from top to bottom, so a header that states a
  smaller height ends the decoding there. All rows above come out bit by bit as they would.
- Detail that shrinking removes anyway. libjpeg-turbo decodes each block of 8x8 pixels to 4x4, 2x2
  or 1x1 straight from its low frequencies.

What stays is the entropy decoding of all that lies above the crop's lower edge: about 7 tenths of
the time of a photograph of ImageNet. `cls.transforms` leaves every file that is unusual to OpenCV.
"""

import io
import threading
from dataclasses import dataclass

import numpy as np
import simplejpeg
from PIL import Image

from tricklift.data.headers import cut_short, segments

#: By how many times the decoder can shrink at full speed.
FACTORS = (1, 2, 4, 8)
#: Rows that are decoded below the crop: colour at half the size is interpolated between rows.
MARGIN = 16
#: Decoded images up to this size share one piece of memory: fresh pages take a tenth of the time.
SHARED_BYTES = 2**24

ORIENTATION = 0x0112  # the tag in the EXIF part; 1 is upright
EXIF = 0xE1
START = b"\xff\xd8"
#: Second byte of a frame's marker -> whether it is coded from top to bottom in one go.
FRAMES = {0xC0: True, 0xC1: True, 0xC2: False}


@dataclass(frozen=True)
class Frame:
    """What a JPEG file says of its picture."""

    height: int
    width: int
    place: int  # where in the file the height stands, as two bytes
    sequential: bool  # the rows are coded from top to bottom, else they come in passes


class _Shared(threading.local):
    """Memory for decoded pixels, one piece a thread."""

    def __init__(self) -> None:
        self.pixels = np.empty(SHARED_BYTES, np.uint8)


_shared = _Shared()


def frame_of(data: bytes) -> Frame | None:
    """Read the markers of a file; None if it is no upright Huffman-coded JPEG of 8 bits, or cut."""
    if data[: len(START)] != START or cut_short(data):
        return None
    for kind, place in segments(data):
        if kind in FRAMES and place + 10 <= len(data):
            height = int.from_bytes(data[place + 5 : place + 7], "big")
            width = int.from_bytes(data[place + 7 : place + 9], "big")
            usual = data[place + 4] == 8 and height > 0 and width > 0
            return Frame(height, width, place + 5, FRAMES[kind]) if usual else None
        if kind == EXIF and turned(data):
            return None
    return None


def turned(data: bytes) -> bool:
    """Whether the EXIF part asks for the picture to be turned or mirrored."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.getexif().get(ORIENTATION, 1) != 1
    except (OSError, SyntaxError, ValueError):
        return True


def decode(data: bytes, frame: Frame, bottom: int, factor: int = 1) -> np.ndarray | None:
    """Decode the rows above `bottom`, at 1 / `factor` of the size.

    Args:
        data: The file.
        frame: `frame_of` it.
        bottom: Row of the picture below which nothing is needed.
        factor: One of `FACTORS`.

    Returns:
        uint8 ``(at least bottom / factor, width / factor, 3)``, RGB, sides rounded up; it holds
        until the thread's next call. None where libjpeg-turbo cannot turn the file into RGB.
    """
    height, place = frame.height, frame.place
    if frame.sequential and bottom + MARGIN < height:
        height = bottom + MARGIN
        data = b"".join((data[:place], height.to_bytes(2, "big"), data[place + 2 :]))
    rows, columns = -(-height // factor), -(-frame.width // factor)
    fits = rows * columns * 3 <= SHARED_BYTES
    try:
        sides = {"min_height": rows, "min_width": columns}
        buffer = _shared.pixels if fits else None
        return simplejpeg.decode_jpeg(data, **sides, buffer=buffer, strict=False)
    except ValueError:
        return None
