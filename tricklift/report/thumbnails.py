"""Small pictures for the page, from the data folder or from a run's label maps."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.records.predictions import LONGEST_SIDE

#: Longest side of a picture, and of a label map over it, in pixels.
PICTURE_SIDE, MAP_SIDE = 256, 160
QUALITY = 60
#: For sets that have no palette: told apart by neighbours, each step of a golden angle.
GOLDEN = 0.618034


def picture(file: Path, side: int = PICTURE_SIDE) -> str | None:
    """A reduced copy of an image file as a `data:` address; None where there is none to read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as held:
            held.draft("RGB", (2 * side, 2 * side))  # a JPEG is decoded no larger than needed
            shown = ImageOps.exif_transpose(held).convert("RGB")
            shown.thumbnail((side, side))
            return address(shown, "WEBP", quality=QUALITY)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def of_pixels(pixels: Any, side: int = PICTURE_SIDE) -> str:
    """An image `(H, W, 3)`, uint8, RGB, as a `data:` address."""
    from PIL import Image

    shown = Image.fromarray(pixels)
    shown.thumbnail((side, side))
    return address(shown, "WEBP", quality=QUALITY)


def label_map(labels: Any, palette: Sequence[Sequence[int]], clear: int | None = 255) -> str:
    """A label map `(H, W)` in the colours of its classes as a `data:` address, nearest pixels.

    Args:
        labels: Class indices.
        palette: Colours, one a class.
        clear: The class that is transparent.
    """
    import numpy as np
    from PIL import Image

    step = -(-max(labels.shape) // MAP_SIDE)
    small = labels[step // 2 :: step, step // 2 :: step]
    if len(palette) > 255 or small.max(initial=0) > 255:  # more than such a PNG has
        colours = np.array([*palette, (0, 0, 0)], np.uint8)
        return address(Image.fromarray(colours[small.clip(max=len(palette))]), "PNG", optimize=True)
    shown = Image.fromarray(small.astype("uint8"), "P")
    shown.putpalette([part for colour in palette for part in colour])
    told = {} if clear is None else {"transparency": clear}
    return address(shown, "PNG", optimize=True, **told)


def read_map(data: bytes) -> Any:
    """A label map `(H, W)` of a PNG file with one channel.

    Raises:
        UserError: It is none, or larger than a run keeps.
    """
    import numpy as np
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as held:
            if held.mode in ("L", "P", "I;16", "I") and max(held.size) <= LONGEST_SIDE:
                return np.array(held)
            said = f"{held.mode}, {held.width}x{held.height} pixels"
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        said = str(error)
    raise UserError(f"a label map of a run is damaged ({said}); validate the run again")


def colours(count: int, palette: Sequence[Sequence[int]] = ()) -> list[tuple[int, ...]]:
    """A colour [r, g, b] for each class: the set's own, or some that differ."""
    import colorsys

    if len(palette) >= count:
        return [tuple(colour) for colour in palette[:count]]
    hues = ((GOLDEN * place) % 1 for place in range(count))
    shades = (
        colorsys.hls_to_rgb(hue, (0.4, 0.55, 0.7)[place % 3], 0.65)
        for place, hue in enumerate(hues)
    )
    return [tuple(round(255 * part) for part in shade) for shade in shades]


def address(image: Any, kind: str, **options: Any) -> str:
    """An image of Pillow as a `data:` address."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    held = base64.b64encode(stream.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{held}"
