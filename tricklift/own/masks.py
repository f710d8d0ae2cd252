"""Images and masks of one's own: two folders of the same names, with or without splits."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seg.checks import IGNORED, MASK_MODES
from tricklift.data.checks import with_progress
from tricklift.data.files import Repairs, pictures_below, read_list, read_text, stem
from tricklift.errors import UserError
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
NAMES = ("classes.txt", "labels.txt", "class_names.txt", "classes.json")


def folders(root: Path, classes: Sequence[str] = ()) -> Layout | None:
    """The layout of images and masks, None where there are no two such folders.

    Args:
        root: The folder.
        classes: Names of the labels; empty: those of a list beside the data, or their numbers.

    Raises:
        UserError: No image has a mask, or several could be it.
    """
    pairs = _pairs(root)
    if not pairs or not all(next(pictures_below(f), None) for f in pairs[0]):
        return None
    (images, masks), *_ = pairs
    img_suffix, mask_suffix = _suffixes(images, masks)
    settings: dict[str, Any] = {"img_suffix": img_suffix, "seg_map_suffix": mask_suffix}
    if len(pairs) == 1:
        train, val = _split(root, images, masks, img_suffix, mask_suffix)
    else:
        train, val = (_part(root, *pair) for pair in pairs)
    masked = [path for _, masks in pairs for path in _masks(masks, mask_suffix)]
    seen = _labels(with_progress(masked, f"masks of {root}"))
    named = tuple(classes) or _named(root)
    highest = max((label for label in seen if label != IGNORED), default=0)
    other = bool(named) and len(named) == highest and 0 in seen
    names = named or tuple(f"class {label}" for label in range(highest + 1))
    shift = int(other)
    counts = Counter({name: seen[label + shift] for label, name in enumerate(names)})
    notes = [] if named else [f"no names of classes; write them into {root / NAMES[0]}, one a line"]
    notes += ["label 0 is 'other' and ignored, for there is a name for each of the others"] * other
    settings["reduce_zero_label"] = other
    what = ("seg", "images and masks", root, "CheckedSegDataset", names)
    return Layout(*what, train, val, counts, settings, tuple(notes))


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
    root: Path, images: Path, masks: Path, img_suffix: str | None, mask_suffix: str
) -> list[Part]:
    """Splits of two folders: the lists beside them, or drawn from the images with a mask."""
    for folder in (root / "ImageSets" / "Segmentation", root / "splits", root):
        lists = [
            next((f for n in names if (f := folder / f"{n}.txt").is_file()), None)
            for names in (TRAIN, VAL)
        ]
        if all(lists):
            names = [read_list(str(file), "put it there", Repairs()) for file in lists]
            told = f"as the lists in {folder}"
            return [_part(root, images, masks, listing=listed(n), told=told) for n in names]
    held = {_tailless(p, mask_suffix) for p in _relative(masks, mask_suffix)}
    found = list(pictures_below(images, suffix=img_suffix))
    names = [p for p in found if (_tailless(p, img_suffix) if img_suffix else stem(p)) in held]
    told = told_by_seed()
    return [_part(root, images, masks, listing=listed(n), told=told) for n in by_seed(names)]


def _relative(masks: Path, suffix: str) -> list[str]:
    return list(pictures_below(masks, suffix=suffix))


def _masks(masks: Path, suffix: str) -> list[Path]:
    return [masks / path for path in _relative(masks, suffix)]


def _tailless(path: str, suffix: str | None) -> str:
    return path.removesuffix(suffix) if suffix else path


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
        ends = Counter(path[len(stem(path)) :] for path in same)
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


def _labels(masks: Iterable[Path]) -> Counter[int]:
    """Label -> in how many masks it occurs; masks that cannot be read are the report's."""
    from PIL import Image

    found: Counter[int] = Counter()
    for mask in masks:
        try:
            with Image.open(mask) as image:
                if image.mode in MASK_MODES:
                    counts = np.bincount(np.asarray(image).reshape(-1), minlength=256)
                    found.update(np.flatnonzero(counts).tolist())
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            continue
    return found


def _named(root: Path) -> tuple[str, ...]:
    """Names of the classes, from a list beside the data."""
    for name in NAMES:
        file = root / name
        if not file.is_file():
            continue
        text = read_text(file)
        if file.suffix == ".json":
            try:
                held = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{file}: no JSON ({error}); write a list of names") from error
            if not isinstance(held, list) or not all(isinstance(word, str) for word in held):
                raise UserError(f"{file}: write a JSON list of names, in the order of the labels")
            return tuple(held)
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    return ()
