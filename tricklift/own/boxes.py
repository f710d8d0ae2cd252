"""Boxes of one's own in Pascal VOC: in its folders, or XMLs beside their pictures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from det import voc_list, voc_xml
from tricklift.data.checks import with_progress
from tricklift.data.files import Repairs, is_system, pictures_below
from tricklift.errors import MissingFileError, UserError
from tricklift.own.parts import TRAIN, VAL, Layout, Part, by_seed, listed, subfolder, told_by_seed

#: What an image without boxes is in own data: background, and counted.
SETTINGS: dict[str, Any] = {"images_without_boxes": "background"}
#: Where only some classes are asked for, what has none of them is left out.
SOME = {"images_without_boxes": "skip", "other_classes": "skip"}


def voc(root: Path, classes: Sequence[str] = ()) -> Layout | None:
    """The layout of VOC annotations, None where there are none.

    Raises:
        UserError: A class that is not there, or an XML that cannot be read.
    """
    home = _home(root)
    parts = _with_lists(home) if home else _beside(root)
    if parts is None:
        return None
    train, val, xmls = parts
    repairs = Repairs()
    try:
        held = voc_xml.count_classes(with_progress(xmls, f"annotations of {root}"), repairs)
    except UserError:
        held = Counter()
        for xml in xmls:  # the report names those that cannot be read
            try:
                held += voc_xml.count_classes([xml], repairs)
            except UserError:
                continue
    names = sorted(held)
    found = layout("Pascal VOC", root, "CheckedXMLDataset", names, held, classes, train, val)
    return replace(found, notes=(*found.notes, *_not_named(train, val)))


def _not_named(train: Part, val: Part) -> Iterator[str]:
    """Says how many pictures neither a list names nor, where the XMLs are the list, an XML."""
    named = set()
    for part in (train, val):
        root = Path(part.settings["data_root"])
        names = (
            _names(root / part.settings["ann_file"], part.settings)
            if part.listing is None
            else part.listing.splitlines()
        )
        named |= {(root / part.settings["img_subdir"], name) for name in names}
    folders = {folder for folder, _ in named}
    pictures = sum(1 for folder in folders if folder.is_dir() for _ in pictures_below(folder))
    if (more := pictures - len(named)) > 0:
        yield f"{more} pictures that no list or XML names left out"


def layout(
    kind: str,
    root: Path,
    reader: str,
    names: Sequence[str],
    held: Counter[str],
    classes: Sequence[str],
    train: Part,
    val: Part,
) -> Layout:
    """A layout of boxes with the classes that are asked for, or all.

    Raises:
        UserError: A class that is not there.
    """
    for name in classes:
        if name not in names:
            raise UserError(f"{root}: no boxes of class {name!r}; there are {', '.join(names)}")
    chosen = tuple(name for name in classes or names)
    notes: tuple[str, ...] = ()
    if left := sum(held.values()) - sum(held[name] for name in chosen):
        notes = (f"{left} boxes of {len(names) - len(chosen)} other classes left out",)
    counts = Counter({name: held[name] for name in chosen})
    settings = SOME if classes else SETTINGS
    return Layout("det", kind, root, reader, chosen, train, val, counts, settings, notes)


def _home(root: Path) -> Path | None:
    """The folder with `Annotations`: this one, or the only one below it."""
    found = [
        folder.parent
        for pattern in ("Annotations", "*/Annotations", "*/*/Annotations")
        for folder in sorted(root.glob(pattern))
        if folder.is_dir() and any(map(_is_xml, folder.iterdir()))
        if folder.parent.name.lower() not in (*TRAIN, *VAL)
    ]
    if len(found) > 1:
        raise UserError(
            f"{root} holds several VOC folders: {', '.join(map(str, found))}; give one of them"
        )
    return found[0] if found else None


def _with_lists(home: Path) -> tuple[Part, Part, list[Path]]:
    """Splits of a folder with `Annotations`: its lists, or drawn."""
    images = subfolder(home, ("JPEGImages", "images", "imgs"))
    settings = {
        "data_root": str(home),
        "data_prefix": {"sub_data_root": ""},
        "img_subdir": images.name if images else "",
        "ann_subdir": "Annotations",
    }
    lists = home / "ImageSets" / "Main"
    found = {f.stem: f for f in sorted(lists.glob("*.txt"))} if lists.is_dir() else {}
    trains = [found[n] for n in ("trainval", "train", "training") if n in found]
    vals = [found[n] for n in ("test", "val", "valid", "validation") if n in found]
    train = trains[0] if trains else None
    if train is not None and train.stem == "trainval" and "test" not in found and "train" in found:
        train = found["train"]  # val is part of trainval
    if train is not None and train.stem == "train" and "val" in found:
        vals = [found["val"]]
    val = next(
        (f for f in vals if not (train and train.stem == "trainval" and f.stem == "val")), None
    )
    if train is not None and val is not None:
        names = [name for file in (train, val) for name in _names(file, settings)]
        pair = [Part({**settings, "ann_file": f"ImageSets/Main/{f.name}"}) for f in (train, val)]
        return pair[0], pair[1], list(_there(home / "Annotations", names))
    xmls = _xmls(home)
    every = [xml.stem for xml in xmls]
    if train is not None:
        every = _names(train, settings)
    one, two = (Part(settings, listed(names), told=told_by_seed()) for names in by_seed(every))
    return one, two, xmls


def _names(file: Path, settings: Mapping[str, Any]) -> list[str]:
    """What a list says, as the reader takes it."""
    images = Path(settings["data_root"]) / settings["img_subdir"]
    return list(voc_list.read_names(file, images, "put it there", Repairs()))


def _there(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        with suppress(MissingFileError):  # the report names it
            yield voc_list.find_xml(folder, name)


def _beside(root: Path) -> tuple[Part, Part, list[Path]] | None:
    """XMLs beside their pictures, in one folder or one a split."""
    folders = [subfolder(root, names) for names in (TRAIN, VAL)]
    if folders[0] is not None and _xmls(folders[0]):
        there = [folder for folder in folders if folder is not None]
    elif root.is_dir() and _xmls(root):
        there = [root]
    else:
        return None
    xmls = [_xmls(folder) for folder in there]
    settings = [
        {
            "data_root": str(folder),
            "data_prefix": {"sub_data_root": ""},
            "img_subdir": _near(folder, ("JPEGImages", "images")),
            "ann_subdir": _near(folder, ("Annotations",)),
        }
        for folder in there
    ]
    names = [[xml.stem for xml in found] for found in xmls]
    told = "all XMLs of its folder"
    if len(there) == 1:
        names = list(by_seed(names[0]))
        settings *= 2
        told = told_by_seed()
    train, val = (
        Part(some, listed(found), told=told) for some, found in zip(settings, names, strict=True)
    )
    return train, val, [xml for found in xmls for xml in found]


def _near(folder: Path, names: Sequence[str]) -> str:
    found = subfolder(folder, names)
    return found.name if found else ""


def _xmls(folder: Path) -> list[Path]:
    where = subfolder(folder, ("Annotations",)) or folder
    return sorted(p for p in where.iterdir() if _is_xml(p))


def _is_xml(path: Path) -> bool:
    return path.suffix.lower() == ".xml" and not is_system(path.name)
