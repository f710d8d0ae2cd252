"""Look at images and label masks before training: one clear error."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tricklift.data.checks import image_header
from tricklift.errors import MissingFileError, UserError

IGNORED = 255
MASK_MODES = ("L", "P")


def check_folder(folder: Path, suffix: str) -> None:
    """Check that a folder holds files with `suffix`, at any depth.

    Raises:
        UserError: It holds none; the message names suffixes that are there.
    """
    if next(folder.rglob(f"*{suffix}"), None) is None:
        found = sorted({p.suffix for p in folder.rglob("*") if p.is_file()})
        there = f"there are files with {', '.join(found)}" if found else "the folder is empty"
        raise UserError(
            f"{folder} holds no *{suffix}; {there}; set img_suffix or seg_map_suffix in the "
            "dataset's config, or add the files"
        )


def check_pair(image: str | Path, mask: str | Path) -> None:
    """Check that an image and its mask are there and of one size (headers only).

    Raises:
        MissingFileError: The image or the mask is missing.
        UserError: One of them is unreadable, their sizes differ, or the mask has colours instead
            of label ids.
    """
    mask = Path(mask)
    if not mask.is_file():
        raise MissingFileError(f"{image}: its mask {mask} is missing; add it, or remove the image")
    width, height, _ = image_header(image)
    mask_width, mask_height, mode = image_header(mask)
    if (width, height) != (mask_width, mask_height):
        raise UserError(
            f"{mask}: the mask has {mask_width}x{mask_height} pixels, its image {width}x{height}; "
            "write the mask in the image's size (nearest neighbour)"
        )
    if mode not in MASK_MODES:
        raise UserError(
            f"{mask}: a mask must have one 8-bit channel of label ids, got mode {mode!r}; "
            "convert the colours to ids"
        )


def label_range(num_classes: int, reduce_zero_label: bool) -> tuple[int, int]:
    """Lowest and highest label id that a mask may hold besides 255 (ignored)."""
    return (0, num_classes) if reduce_zero_label else (0, num_classes - 1)


def check_labels(mask: str | Path, num_classes: int, reduce_zero_label: bool) -> None:
    """Read a mask and check its label ids.

    Raises:
        UserError: An id is above what the classes allow, or the file is broken.
    """
    try:
        with Image.open(mask) as image:
            labels = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"{mask}: cannot be read ({error}); fetch or write the file again"
        ) from error
    check_values(labels, mask, num_classes, reduce_zero_label)


def check_values(
    labels: NDArray[np.uint8], mask: str | Path, num_classes: int, reduce_zero_label: bool
) -> None:
    """Check the label ids of one mask ``(H, W)`` uint8.

    Raises:
        UserError: An id is above what the classes allow.
    """
    _, highest = label_range(num_classes, reduce_zero_label)
    present = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=256))
    wrong = [int(value) for value in present if highest < value != IGNORED]
    if wrong:
        zero = "0 is ignored, " if reduce_zero_label else ""
        raise UserError(
            f"{mask}: label ids {', '.join(map(str, wrong[:8]))} are above the {num_classes} "
            f"classes ({zero}{1 if reduce_zero_label else 0}..{highest} are classes, 255 is "
            "ignored); correct the mask, or the classes"
        )
