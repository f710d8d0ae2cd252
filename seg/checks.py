"""Look at images and label masks before training: one clear error."""

import glob
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seg.mask_values import MaskValues
from seg.masks import IGNORED, mask_header, read_mask
from tricklift.data.files import Repairs, is_picture, pictures_below, stem
from tricklift.data.pictures import check_frame, check_picture
from tricklift.errors import MissingFileError, UserError

#: What may become of an image without a mask.
WITHOUT_MASK = ("error", "skip")


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
    without: str = "error",
) -> list[tuple[Path, Path]]:
    """Images with the masks of the same names, sorted by image.

    Letters of suffixes may be small or capitals.

    Args:
        images: Folder of images.
        masks: Folder of masks.
        img_suffix: What an image's name has after the part that both share; None: any suffix.
        seg_map_suffix: What a mask's name has after it.
        names: Images to take, with or without suffix; None: all.
        repairs: Counts masks without an image, files that are no pictures, and images that are
            left out.
        without: Of images without a mask: `error`, or `skip`.

    Raises:
        MissingFileError: An image of `names` is not there, or an image has no mask.
        UserError: Two images would share a mask, two masks are of one name, or a wrong `without`.
    """
    if without not in WITHOUT_MASK:
        raise UserError(
            f"images_without_masks must be one of {', '.join(WITHOUT_MASK)}; got {without!r}"
        )
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
    held = _masks(masks, seg_map_suffix, found, repairs)
    if without == "skip":
        for shared in [shared for shared in chosen if shared not in held]:
            repairs.note("image without a mask left out", str(images / chosen.pop(shared)[0]))
        if not chosen:
            raise UserError(
                f"no image of {images} has a mask NAME{seg_map_suffix} in {masks}; set "
                "seg_map_suffix in the dataset's config, or add the masks"
            )
    every = [
        (images / p[0], masks / held.get(shared, f"{shared}{seg_map_suffix}"))
        for shared, p in chosen.items()
    ]
    return sorted(every) if names is None else every


def _masks(
    masks: Path, suffix: str, images: Mapping[str, Sequence[str]], repairs: Repairs
) -> dict[str, str]:
    """The part of a name that images share -> the mask; counts those that no image shares."""
    held: dict[str, str] = {}
    for path in pictures_below(masks, suffix=suffix):
        shared = path[: -len(suffix)]
        if shared not in images:
            repairs.note("mask without an image passed over", str(masks / path))
        elif shared in held:
            raise UserError(
                f"{masks}: {held[shared]} and {path} are of one image; remove one of them"
            )
        else:
            held[shared] = path
    return held


def _shared(path: str, suffix: str | None) -> str:
    return stem(path) if suffix is None else path[: -len(suffix)]


def _listed(
    name: str, found: Mapping[str, list[str]], images: Path, suffix: str | None
) -> tuple[str, list[str]]:
    """The part of a listed name that its mask shares, and its image: with its suffix, that one."""
    ends = suffix is not None and name.lower().endswith(suffix.lower())
    shared = _shared(name, suffix) if ends or (suffix is None and is_picture(name)) else name
    if name in found.get(shared, ()):
        return shared, [name]
    for known in (name, shared):
        if known in found:
            return known, found[known]
    raise MissingFileError(
        f"{images / name}: no such image, whatever its suffix; add it, or take it off the list"
    )


def check_pair(image: str | Path, mask: str | Path, repairs: Repairs) -> None:
    """Check that an image and its mask are there, of one size and frame, and whole.

    Raises:
        MissingFileError: The image or the mask is missing.
        BadPictureError: The image is not read right, or its EXIF orientation turns it, and not its
            mask; or the mask cannot be read.
        UserError: Their sizes differ, or the mask cannot hold ids (`seg.masks.mask_header`).
    """
    mask = Path(mask)
    if not mask.is_file():
        others = [other.name for other in mask.parent.glob(f"{glob.escape(mask.stem)}.*")]
        there = f" ({', '.join(sorted(others))} is there: all masks need one suffix)"
        raise MissingFileError(
            f"{image}: its mask {mask} is missing{there if others else ''}; add it, or remove "
            "the image (images_without_masks='skip' leaves such images out)"
        )
    picture, labels = check_picture(image, repairs), mask_header(mask)
    check_frame(picture, image, (labels.width, labels.height), str(mask), repairs)
    width, height = picture.size
    if (width, height) != (labels.width, labels.height):
        raise UserError(
            f"{mask}: the mask has {labels.width}x{labels.height} pixels, its image {width}x"
            f"{height}; write the mask in the image's size (nearest neighbour)"
        )


def read_labels(
    mask: str | Path,
    num_classes: int,
    reduce_zero_label: bool,
    values: MaskValues | None = None,
) -> set[int]:
    """Read a mask and check its label ids; returns those that occur.

    Raises:
        UserError: What `seg.masks.read_mask` refuses, or an id is above what the classes allow.
    """
    return check_values(read_mask(mask, values), mask, num_classes, reduce_zero_label)


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
        from_1 = not reduce_zero_label and wrong == [num_classes] and 0 not in present
        hint = "set reduce_zero_label=True if the ids start at 1, or " if from_1 else ""
        raise UserError(
            f"{mask}: label ids {', '.join(map(str, wrong[:8]))} are above the {num_classes} "
            f"classes ({zero}{int(reduce_zero_label)}..{highest} are classes, 255 is "
            f"ignored); {hint}correct the mask, or the classes"
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
            "nothing is left to tell apart; write the ids of the classes into the masks, or say "
            "which id a value is: mask_values={0: 0, 255: 1} in the data set's config, or for "
            "`tricklift check` and `--data`, a line `name: 255` for each class in classes.txt"
        )
    if last_occurs and reduce_zero_label and 0 in present and num_classes not in present:
        return (
            f"hold the label ids 0..{max(present - {IGNORED})} and never {num_classes}, the last "
            f"of {num_classes} classes if 0 is ignored: with reduce_zero_label=True the first "
            "class would be lost and the others shifted; set reduce_zero_label=False, or take "
            "classes that do not occur off metainfo.classes"
        )
    return None
