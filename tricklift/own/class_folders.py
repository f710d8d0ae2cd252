"""Pictures in one folder a class, with or without splits; also as Tiny ImageNet has them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tricklift.data.files import Repairs, folders_in, left_beside, pictures_below, read_text
from tricklift.errors import UserError
from tricklift.own.parts import TRAIN, VAL, Layout, Part, by_seed, listed, subfolder, told_by_seed

#: Tiny ImageNet's list of validation images: name, class, four numbers.
ANNOTATIONS = "val_annotations.txt"


def folders(root: Path, classes: Sequence[str] = ()) -> Layout | None:
    """The layout of class folders, None where there are none.

    Args:
        root: The folder.
        classes: Those to take; empty: all.

    Raises:
        UserError: A class that is not there.
    """
    train, val = subfolder(root, TRAIN), subfolder(root, VAL)
    top = train or root
    names = _classes_in(top)
    if train is None and val is not None and {val.name} >= set(names):
        return None
    if len(names) < 2:
        return None
    for name in classes:
        if name not in names:
            raise UserError(f"{top}: no class {name!r}; there are {', '.join(names)}")
    chosen = tuple(name for name in names if not classes or name in classes)
    repairs = Repairs()
    files = _files(top, chosen, repairs)
    counts = Counter({name: len(found) for name, found in files.items()})
    notes = (
        () if len(chosen) == len(names) else (f"{len(names) - len(chosen)} other classes left out",)
    )
    train_part, val_part = _parts(top, val if train else None, files, bool(classes), repairs)
    if train_part.listing is not None:  # else the reader looks through the folders, and counts
        left_beside(top, repairs)
        notes += tuple(repairs.lines())
    kind = "class folders (ImageFolder)"
    what = ("cls", kind, root, "ClassFolders", chosen, train_part, val_part, counts)
    return Layout(*what, notes=notes)


def _files(top: Path, classes: Sequence[str], repairs: Repairs) -> dict[str, list[str]]:
    """The pictures of each class, as paths below `top`."""
    return {name: [f"{name}/{f}" for f in pictures_below(top / name, repairs)] for name in classes}


def _parts(
    top: Path, val: Path | None, files: dict[str, list[str]], some: bool, repairs: Repairs
) -> tuple[Part, Part]:
    whole = Part({"data_root": str(top)})
    if some:
        whole = Part({"data_root": str(top)}, _lines(files))
    if val is not None and (val / ANNOTATIONS).is_file():
        return whole, _annotated(val, set(files))
    if val is not None and _classes_in(val):
        if not some:
            return whole, Part({"data_root": str(val)})
        left_beside(val, repairs)
        held = _files(val, [c for c in files if (val / c).is_dir()], repairs)
        return whole, Part({"data_root": str(val)}, _lines(held))
    split = {name: by_seed(found) for name, found in files.items()}
    told = told_by_seed()
    train, other = (
        Part({"data_root": str(top)}, _lines({c: pair[i] for c, pair in split.items()}), told=told)
        for i in (0, 1)
    )
    return train, other


def _annotated(val: Path, classes: set[str]) -> Part:
    """Tiny ImageNet's validation set: all pictures in one folder, their classes in a list."""
    pairs = [line.split("\t")[:2] for line in read_text(val / ANNOTATIONS).splitlines() if line]
    below = "images/" if (val / "images").is_dir() else ""
    lines = [f"{below}{name}\t{label}" for name, label in pairs if label in classes]
    return Part({"data_root": str(val)}, listed(lines), told=f"as {ANNOTATIONS} says")


def _lines(files: dict[str, list[str]]) -> str:
    return listed([f"{path}\t{name}" for name, found in files.items() for path in found])


def _classes_in(folder: Path) -> list[str]:
    """Folders that hold pictures; all folders, where one of them does."""
    below = folders_in(folder)
    return below if any(next(pictures_below(folder / name), None) for name in below) else []
