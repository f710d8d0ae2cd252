"""Look at images and label masks before training: one clear error."""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tricklift.data.files import Repairs, is_picture, pictures_below, stem
from tricklift.data.headers import FORMATS, image_header
from tricklift.data.pictures import check_frame, check_picture
from tricklift.errors import MissingFileError, UserError

IGNORED = 255
MASK_MODES = ("L", "P")
MASK_FORMATS = (*FORMATS, "GIF")  # masks are read by Pillow


def check_folder(folder: Path, suffix: str | None) -> None:
    """Check that a folder holds files with `suffix` (None: pictures), at any depth.

    Raises:
        UserError: It holds none; the message names suffixes that are there.
    """
    if next(pictures_below(folder, suffix=suffix), None) is None:
        found = sorted({p.suffix for p in folder.rglob("*") if p.is_file()})
        there = f"there are files with {', '.join(found)}" if found else "the folder is empty"
        raise UserError(
            f"{folder} holds no {'picture' if suffix is None else '*' + suffix}; {there}; set "
            "img_suffix or seg_map_suffix in the dataset's config, or add the files"
        )


def pair(
    images: Path,
    masks: Path,
    img_suffix: str | None,
    seg_map_suffix: str,
    names: Sequence[str] | None,
    repairs: Repairs,
) -> list[tuple[Path, Path]]:
    """Images with the masks of the same names, sorted by image; a mask need not be there.

    Args:
        images: Folder of images.
        masks: Folder of masks.
        img_suffix: What an image's name has after the part that both share; None: any suffix.
        seg_map_suffix: What a mask's name has after it.
        names: Images to take, with or without suffix; None: all.
        repairs: Counts masks without an image, and files that are no pictures.

    Raises:
        MissingFileError: An image of `names` is not there.
        UserError: Two images would share a mask.
    """
    found: dict[str, list[str]] = {}
    for path in pictures_below(images, repairs, img_suffix):
        found.setdefault(_shared(path, img_suffix), []).append(path)
    listed = [_listed(name, found, images, img_suffix) for name in names or ()]
    chosen = found if names is None else dict(listed)
    for shared, paths in chosen.items():
        if len(paths) > 1:
            raise UserError(
                f"{images}: {' and '.join(paths)} share the mask {shared}{seg_map_suffix}; "
                "rename or remove one of them"
            )
    for path in pictures_below(masks, suffix=seg_map_suffix):
        if path.removesuffix(seg_map_suffix) not in found:
            repairs.note("mask without an image passed over", str(masks / path))
    every = [(images / p[0], masks / f"{s}{seg_map_suffix}") for s, p in chosen.items()]
    return sorted(every) if names is None else every


def _shared(path: str, suffix: str | None) -> str:
    return stem(path) if suffix is None else path.removesuffix(suffix)


def _listed(
    name: str, found: Mapping[str, list[str]], images: Path, suffix: str | None
) -> tuple[str, list[str]]:
    """The part of a listed name that its mask shares, and its image: with its suffix, that one."""
    shared = _shared(name, suffix) if is_picture(name) or suffix else name
    if name in found.get(shared, ()):
        return shared, [name]
    if name in found:
        return name, found[name]
    raise MissingFileError(
        f"{images / name}: no such image, whatever its suffix; add it, or take it off the list"
    )


def check_pair(image: str | Path, mask: str | Path, repairs: Repairs) -> None:
    """Check that an image and its mask are there, and of one size.

    Raises:
        MissingFileError: The image or the mask is missing.
        BadPictureError: The image is not read right, or its EXIF orientation turns it, and not its
            mask; or the mask cannot be read.
        UserError: Their sizes differ, or the mask has colours instead of label ids.
    """
    mask = Path(mask)
    if not mask.is_file():
        raise MissingFileError(f"{image}: its mask {mask} is missing; add it, or remove the image")
    picture, labels = check_picture(image, repairs), image_header(mask, formats=MASK_FORMATS)
    check_frame(picture, image, (labels.width, labels.height), str(mask), repairs)
    width, height = picture.size
    mask_width, mask_height, mode = labels.width, labels.height, labels.mode
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


def read_labels(mask: str | Path, num_classes: int, reduce_zero_label: bool) -> set[int]:
    """Read a mask and check its label ids; returns those that occur.

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
    return check_values(labels, mask, num_classes, reduce_zero_label)


def check_values(
    labels: NDArray[np.uint8], mask: str | Path, num_classes: int, reduce_zero_label: bool
) -> set[int]:
    """Check the label ids of one mask ``(H, W)`` uint8; returns those that occur.

    Raises:
        UserError: An id is above what the classes allow.
    """
    highest = num_classes if reduce_zero_label else num_classes - 1
    present = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=256)).tolist()
    wrong = [value for value in present if highest < value != IGNORED]
    if wrong:
        zero = "0 is ignored, " if reduce_zero_label else ""
        raise UserError(
            f"{mask}: label ids {', '.join(map(str, wrong[:8]))} are above the {num_classes} "
            f"classes ({zero}{int(reduce_zero_label)}..{highest} are classes, 255 is "
            "ignored); correct the mask, or the classes"
        )
    return set(present)


def unlike(
    present: Set[int], num_classes: int, reduce_zero_label: bool, last_occurs: bool
) -> str | None:
    """Why labels cannot be meant as the config says, going by all ids of a set.

    Args:
        present: Ids that occur in its masks, 255 (ignored) among them.
        num_classes: How many classes the masks tell apart.
        reduce_zero_label: See `seg.datasets.CheckedSegDataset`.
        last_occurs: The last class must be among them: of training sets that nobody knows.

    Returns:
        What to say, None where nothing speaks against it.
    """
    if present <= {0, IGNORED}:
        ignored = "both are ignored" if reduce_zero_label else "255 is ignored"
        return (
            f"hold the label ids {', '.join(map(str, sorted(present)))} alone, and {ignored}, so "
            "nothing is left to tell apart; write the ids of the classes into the masks (a mask of "
            "0 and 255 becomes one of 0 and 1)"
        )
    if last_occurs and reduce_zero_label and 0 in present and num_classes not in present:
        return (
            f"hold the label ids 0..{max(present - {IGNORED})} and never {num_classes}, the last "
            f"of {num_classes} classes if 0 is ignored: with reduce_zero_label=True the first "
            "class would be lost and the others shifted; set reduce_zero_label=False, or take "
            "classes that do not occur off metainfo.classes"
        )
    return None
