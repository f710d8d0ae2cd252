"""Label masks as programs write them: what is stored becomes ids, or is refused by name.

Ids are read as they are stored, whatever holds them: 1 to 32 bits, a palette (its indices), floats
of whole values, three equal channels. Nothing is guessed: colours need `MaskValues`.
"""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seg.mask_values import MaskValues, shown
from tricklift.data.headers import FORMATS, Picture, image_header
from tricklift.errors import BadPictureError, MissingFileError, UserError

IGNORED = 255
#: Of a mask, Pillow reads these.
MASK_FORMATS = (*FORMATS, "GIF")
#: Compressions of TIFF that change values, as Pillow calls them.
LOSSY = ("jpeg", "tiff_jpeg", "webp", "tiff_sgilog", "tiff_sgilog24")
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_GREY = 0  # PNG's colour type


def mask_header(mask: str | Path, data: bytes | None = None) -> Picture:
    """The header of a mask; one that cannot hold ids is refused.

    Args:
        mask: The file.
        data: Its content, where that is read already.

    Raises:
        MissingFileError: There is no such file.
        BadPictureError: It cannot be read.
        UserError: It is lossy, holds several pictures, or its header turns or inverts it.
    """
    header = image_header(mask, data, formats=MASK_FORMATS)
    if header.format == "JPEG" or (header.format in ("WEBP", "TIFF") and _is_lossy(mask, data)):
        raise UserError(
            f"{mask}: is a lossy {header.format}, which changes ids, most of all at the borders of "
            "objects; write the masks as PNG, from what the JPEG was made of (a threshold may "
            "restore a mask of two values)"
        )
    if header.frames > 1:
        raise UserError(
            f"{mask}: holds {header.frames} pictures; write one mask of ids in their place"
        )
    if header.orientation != 1:
        raise UserError(
            f"{mask}: its EXIF orientation {header.orientation} would turn it; write the mask "
            "without it, in the frame of its image"
        )
    return header


def _is_lossy(mask: str | Path, data: bytes | None) -> bool:
    with Image.open(io.BytesIO(data) if data else mask, formats=MASK_FORMATS) as image:
        if image.format == "TIFF":
            return image.info.get("compression") in LOSSY
    content = data or Path(mask).read_bytes()
    place = 12  # chunks of RIFF follow: four letters, a length, padded to two bytes
    while place + 8 <= len(content):
        kind, length = content[place : place + 4], content[place + 4 : place + 8]
        if kind in (b"VP8 ", b"VP8L", b"ANMF"):
            return kind != b"VP8L"
        place += 8 + int.from_bytes(length, "little") + (length[0] & 1)
    return True


def read_mask(
    mask: str | Path, values: MaskValues | None = None, data: bytes | None = None
) -> NDArray[np.uint8]:
    """The label ids of a mask, `(H, W)` uint8, 0..255.

    Args:
        mask: The file.
        values: What its values or colours mean; None: they are the ids.
        data: Its content, where that is read already.

    Raises:
        MissingFileError: There is no such file.
        BadPictureError: It cannot be read.
        UserError: It has colours and no `values`, values that are no ids, or is partly transparent.
    """
    try:
        data = data if data is not None else Path(mask).read_bytes()
        with Image.open(io.BytesIO(data), formats=MASK_FORMATS) as image:
            found = _stored(image, data, mask, values is not None and values.coloured)
    except FileNotFoundError as error:
        raise MissingFileError(f"{mask}: no such mask; add it, or correct the name") from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, UserError):
            raise
        raise BadPictureError(
            f"{mask}: cannot be read ({error}); fetch or write the file again"
        ) from error
    return values.apply(found, mask) if values is not None else _as_ids(found, mask)


def _stored(image: Image.Image, data: bytes, mask: str | Path, coloured: bool) -> NDArray[Any]:
    """What a mask holds, `(H, W)`: values as they are stored, or codes of colours."""
    alpha: Any = image.getchannel("A").getextrema() if image.mode in ("LA", "PA", "RGBA") else None
    if alpha is not None and alpha[0] < 255:
        raise UserError(
            f"{mask}: is transparent in part (mode {image.mode}), and nothing says what is meant "
            "there; write it without alpha, with an id for every pixel"
        )
    if coloured:
        return _codes(image.convert("RGB"))
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    if image.mode in ("P", "PA"):
        return _indices(image if image.mode == "P" else image.getchannel("P"), image, mask)
    if image.mode in ("L", "LA", "I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image.getchannel(0) if image.mode == "LA" else image)
        return _unscaled(values, image, data, mask)
    channels = np.asarray(image.convert("RGB") if image.mode not in ("RGB", "RGBA") else image)
    red = channels[..., 0]
    if image.mode in ("RGB", "RGBA") and (channels[..., :3] == red[..., None]).all():
        return _unscaled(red, image, data, mask)
    words = shown(_codes(image.convert("RGB")), coloured=True)
    raise UserError(
        f"{mask}: holds {words} (mode {image.mode!r}), not one channel of label ids; say which id "
        "each colour is: mask_values={'#rrggbb': id, ...} in the data set's config, or for "
        "`tricklift check` and `--data`, a line `name: #rrggbb` for each class in classes.txt"
    )


def _indices(places: Image.Image, image: Image.Image, mask: str | Path) -> NDArray[np.uint8]:
    """Places in a palette, which are the ids; colours are for the eye.

    Raises:
        UserError: The colours are grey levels that differ from their places: programs that save
            space make such a palette of a grey mask, in which the levels were the ids.
    """
    found = np.asarray(places)
    used = np.flatnonzero(np.bincount(found.reshape(-1), minlength=256))
    colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    if used[-1] >= len(colours):
        return found
    colours = colours[used]
    levels = colours[:, 0]
    grey = (colours == levels[:, None]).all()
    if grey and (levels != used).any() and not np.isin(levels, (0, 255)).all():
        raise UserError(
            f"{mask}: has a palette of the grey levels {', '.join(map(str, levels[:8]))} at its "
            f"places {', '.join(map(str, used[:8]))}, and either may be the ids; write it without "
            "a palette, or say what they mean: mask_values={'#000000': 0, '#010101': 1, ...}"
        )
    return found


def _codes(image: Image.Image) -> NDArray[np.int64]:
    channels = np.asarray(image).astype(np.int64)
    return channels[..., 0] << 16 | channels[..., 1] << 8 | channels[..., 2]


def _unscaled(
    values: NDArray[Any], image: Image.Image, data: bytes, mask: str | Path
) -> NDArray[Any]:
    """Values as the file has them: Pillow spreads those of few bits over 0..255.

    Raises:
        UserError: Its 16 bits were cut to 8, or it stores white as 0.
    """
    bits, white = 8, None
    if image.format == "PNG":
        bits = data[24]  # IHDR: width, height, bits, colour type
    elif image.format == "TIFF":
        tags: Any = image
        bits = max(tags.tag_v2.get(_BITS, (8,)))
        if tags.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            raise UserError(
                f"{mask}: its header says that 0 is white, so programs read it inverted or not; "
                "write it as PNG"
            )
    elif image.format == "PPM":
        white = _white(data)
    if bits == 16 and values.dtype == np.uint8:
        raise UserError(
            f"{mask}: has {bits} bits a channel and several channels; write one channel of 8 bits"
        )
    if bits in (2, 4):
        return values // (255 // (2**bits - 1))
    if white is not None and white not in (255, 65535):
        most = 255 if values.dtype == np.uint8 else 65535
        return np.rint(values.astype(np.float64) * white / most).astype(np.int64)
    return values


def _white(data: bytes) -> int | None:
    """The value of white in the header of a PGM or PPM; values are read as shares of it."""
    words = re.sub(rb"#[^\n]*", b" ", data[:4096]).split(maxsplit=4)
    return int(words[3]) if words[0] in (b"P2", b"P3", b"P5", b"P6") else None


def _as_ids(values: NDArray[Any], mask: str | Path) -> NDArray[np.uint8]:
    """Values as label ids.

    Raises:
        UserError: Some are no whole numbers in 0..255.
    """
    if values.dtype == np.uint8:
        return values
    ids = np.nan_to_num(values, nan=-1, posinf=-1, neginf=-1)
    wrong = (ids < 0) | (ids > IGNORED) | (ids != np.rint(ids))
    if wrong.any():
        raise UserError(
            f"{mask}: holds {shown(values[wrong], False)}, and label ids are whole numbers "
            "0..255, of which 255 is ignored; correct the mask, or say what they mean: "
            "mask_values={value: id, ...}"
        )
    return ids.astype(np.uint8)
