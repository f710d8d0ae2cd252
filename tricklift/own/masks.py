"""Images and masks of one's own: two folders of the same names, with or without splits."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seg.mask_values import MaskValues
from seg.masks import IGNORED, read_mask
from tricklift.data.checks import with_progress
from tricklift.data.files import Repairs, pictures_below, read_below, shown, stem
from tricklift.errors import UserError
from tricklift.own.label_names import NAMES, names_beside, values_of
from tricklift.own.parts import TRAIN, VAL, Layout, Part, by_seed, listed, subfolder, told_by_seed

IMAGES = (
    "images",
    "image",
    "imgs",
    "img",
    "JPEGImages",
    "leftImg8bit",
    "rgb",
    "pictures",
    "photos",
)
MASKS = (
    *("annotations", "masks", "mask", "labels", "label", "gtFine", "SegmentationClass"),
    *("segmentation", "segmentations", "annotation", "gt", "ground_truth", "labelmaps"),
)
#: Where a picture has several masks, the one for training.
PREFERRED = ("labelTrainIds", "labelIds", "mask", "label")


def folders(root: Path, classes: Sequence[str] = ()) -> Layout | None:
    """The layout of images and masks, None where there are no two such folders.

    Args:
        root: The folder.
        classes: Names of the labels; empty: those of a list beside the data, or their numbers.

    Raises:
        UserError: No image has a mask, several could be it, or the list of classes is no such.
    """
    pairs = _pairs(root)
    if not pairs or not next(pictures_below(pairs[0][0]), None):
        return None
    (images, masks), *_ = pairs
    if not next(pictures_below(masks), None):
        _refuse_empty(masks)
        return None
    img_suffix, mask_suffix = _suffixes(images, masks)
    settings: dict[str, Any] = {"img_suffix": img_suffix, "seg_map_suffix": mask_suffix}
    notes: list[str] = []
    if len(pairs) == 1:
        train, val = _split(root, images, masks, img_suffix, mask_suffix, notes)
    else:
        train, val = (_part(root, *pair) for pair in pairs)
    names, values = names_beside(root)
    if values:
        names, settings["mask_values"] = values_of(names, values, classes)
    masked = [path for _, masks in pairs for path in _masks(masks, mask_suffix)]
    seen = _labels(with_progress(masked, f"masks of {root}"), settings.get("mask_values"))
    names, first = _numbered(root, seen, tuple(classes) or names, bool(values), notes)
    counts = Counter({name: seen[label + first] for label, name in enumerate(names)})
    settings["reduce_zero_label"] = bool(first)
    what = ("seg", "images and masks", root, "CheckedSegDataset", names)
    return Layout(*what, train, val, counts, settings, tuple(notes))


def _refuse_empty(masks: Path) -> None:
    """Refuses a folder of masks without a file; one with lists of boxes is of another layout."""
    if not any(path.is_file() for path in masks.rglob("*")):
        raise UserError(f"{masks} is empty; put the masks there, or remove the folder")


def _numbered(
    root: Path, seen: Counter[int], names: tuple[str, ...], valued: bool, notes: list[str]
) -> tuple[tuple[str, ...], int]:
    """Names of the classes, and the id of the first one: 0, or 1 where 0 is none of them.

    Args:
        root: Of the data.
        seen: Ids that occur.
        names: That are known; empty: numbers are.
        valued: The names come with values, so the first one is 0.
        notes: Gets what there is to say.
    """
    ids = [label for label in seen if label != IGNORED]
    highest = max(ids, default=0)
    if not names:
        notes.append(f"no names of classes; write them into {root / NAMES[0]}, one a line")
        first = int(min(ids, default=0) > 0)
        if first:
            notes.append("label 0 does not occur, so label 1 is the first class")
        return tuple(f"class {label}" for label in range(first, highest + 1)), first
    if valued or len(names) != highest:
        return names, 0
    notes.append("label 0 is 'other' and ignored, for there is a name for each of the others")
    return names, 1


def _pairs(root: Path) -> list[tuple[Path, Path]]:
    """Folders of images and of masks: of training and validation, or of all."""
    images, masks = subfolder(root, IMAGES), subfolder(root, MASKS)
    if images is not None and masks is not None:
        splits = [(subfolder(images, names), subfolder(masks, names)) for names in (TRAIN, VAL)]
        return _whole(splits) or [(images, masks)]
    below = [subfolder(root, names) for names in (TRAIN, VAL)]
    splits = [
        (subfolder(f, IMAGES), subfolder(f, MASKS)) if f is not None else (None, None)
        for f in below
    ]
    if found := _whole(splits):
        return found
    annotated = [subfolder(root, [f"{f.name}annot"]) if f is not None else None for f in below]
    return _whole(list(zip(below, annotated, strict=True)))  # as SegNet's CamVid


def _whole(splits: Sequence[tuple[Path | None, Path | None]]) -> list[tuple[Path, Path]]:
    """The splits of which both folders are there, as long as the first one, for training, is."""
    found = [(i, m) for i, m in splits if i is not None and m is not None]
    return found if splits[0] in found else []


def _part(root: Path, images: Path, masks: Path, **more: Any) -> Part:
    prefix = {"img_path": images, "seg_map_path": masks}
    below = {key: str(path.relative_to(root)) for key, path in prefix.items()}
    return Part({"data_root": str(root), "data_prefix": below}, **more)


def _split(
    root: Path,
    images: Path,
    masks: Path,
    img_suffix: str | None,
    mask_suffix: str,
    notes: list[str],
) -> list[Part]:
    """Splits of two folders: the lists beside them, or drawn from the images with a mask."""
    for folder in (root / "ImageSets" / "Segmentation", root / "splits", root):
        lists = [
            next((f for n in names if (f := folder / f"{n}.txt").is_file()), None)
            for names in (TRAIN, VAL)
        ]
        if all(lists):
            names = [read_below(str(file), "put it there", Repairs()) for file in lists]
            told = f"as the lists in {folder}"
            return [_part(root, images, masks, listing=listed(n), told=told) for n in names]
    held = {_tailless(p, mask_suffix) for p in _relative(masks, mask_suffix)}
    found = list(pictures_below(images, suffix=img_suffix))
    names = [p for p in found if (_tailless(p, img_suffix) if img_suffix else stem(p)) in held]
    taken = set(names)
    if left := [path for path in found if path not in taken]:
        notes.append(f"{len(left)} images have no mask and are left out: {shown(left)}")
    told = told_by_seed()
    return [_part(root, images, masks, listing=listed(n), told=told) for n in by_seed(names)]


def _relative(masks: Path, suffix: str) -> list[str]:
    return list(pictures_below(masks, suffix=suffix))


def _masks(masks: Path, suffix: str) -> list[Path]:
    return [masks / path for path in _relative(masks, suffix)]


def _tailless(path: str, suffix: str | None) -> str:
    return path[: -len(suffix)] if suffix else path


def _suffixes(images: Path, masks: Path) -> tuple[str | None, str]:
    """What follows the shared part in the names of images (None: their suffix) and of masks.

    Raises:
        UserError: No image shares its beginning with a mask, or several kinds of masks do.
    """
    pictures = list(pictures_below(images))
    held = list(pictures_below(masks))
    stems = {stem(path) for path in pictures}
    same = [path for path in held if stem(path) in stems]
    if same and len(same) * 2 >= len(held):
        ends = Counter(path[len(stem(path)) :].lower() for path in same)
        return None, ends.most_common(1)[0][0]
    return _by_prefix(images, masks, pictures, held)


def _by_prefix(
    images: Path, masks: Path, pictures: list[str], held: list[str]
) -> tuple[str | None, str]:
    """The same where both have tails of their own, as Cityscapes: ``_leftImg8bit``, ``_gtFine``.

    Tails are read off the first picture and the masks that begin most like it; those that find the
    most masks for all pictures are taken.
    """
    first = pictures[0] if pictures else ""
    shared = {path: _common(first, path) for path in held}
    most = max(shared.values(), default=0)
    tails = {(first[most:], path[most:]) for path in held if shared[path] == most}
    there = set(held)
    pairs = {
        (own, other): sum(f"{path.removesuffix(own)}{other}" in there for path in pictures)
        for own, other in tails
        if first.endswith(own) and own and os.path.basename(first[:most])
    }
    best = [pair for pair, count in pairs.items() if count == max(pairs.values())]
    for word in PREFERRED if len(best) > 1 else ():
        named = [pair for pair in best if word in pair[1]]
        best = named if len(named) == 1 else best
    if len(best) != 1:
        kinds = ", ".join(sorted(tail for _, tail in best))
        what = f"there are {kinds}" if best else "none begins like it"
        raise UserError(
            f"{masks}: which mask belongs to {images / first}? {what}; give images and masks the "
            "same names, or the same names before one ending of each"
        )
    tail, mask_tail = best[0]
    return (None if tail == Path(first).suffix else tail), mask_tail


def _common(one: str, other: str) -> int:
    """How many letters two names begin with alike."""
    pairs = zip(one, other, strict=False)
    ends = (place for place, (a, b) in enumerate(pairs) if a != b)
    return next(ends, min(len(one), len(other)))


def _labels(masks: Iterable[Path], values: Mapping[str, int] | None) -> Counter[int]:
    """Label -> in how many masks it occurs; masks that cannot be read are the report's."""
    found: Counter[int] = Counter()
    meant = MaskValues.of(values) if values else None
    for mask in masks:
        try:
            ids = read_mask(mask, meant)
        except UserError:
            continue
        found.update(np.flatnonzero(np.bincount(ids.reshape(-1), minlength=256)).tolist())
    return found
