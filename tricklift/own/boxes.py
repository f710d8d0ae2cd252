"""Boxes of one's own: Pascal VOC in its folders or beside the pictures, or COCO files."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from det import coco_json, voc_xml
from tricklift.data.checks import with_progress
from tricklift.data.files import Repairs, is_picture, is_system, read_list, stem
from tricklift.errors import UserError
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
    return _layout("Pascal VOC", root, "CheckedXMLDataset", sorted(held), held, classes, train, val)


def _layout(
    kind: str,
    root: Path,
    reader: str,
    names: Sequence[str],
    held: Counter[str],
    classes: Sequence[str],
    train: Part,
    val: Part,
) -> Layout:
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
        if next(folder.glob("*.xml"), None) and folder.parent.name.lower() not in (*TRAIN, *VAL)
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
        names = [n for f in (train, val) for n in read_list(f, "put it there", Repairs())]
        xmls = [home / "Annotations" / f"{stem(n) if is_picture(n) else n}.xml" for n in names]
        pair = [Part({**settings, "ann_file": f"ImageSets/Main/{f.name}"}) for f in (train, val)]
        return pair[0], pair[1], [xml for xml in xmls if xml.is_file()]
    xmls = sorted(p for p in (home / "Annotations").glob("*.xml") if not is_system(p.name))
    every = [xml.stem for xml in xmls]
    if train is not None:
        every = read_list(train, "put it there", Repairs())
    one, two = (Part(settings, listed(names), told=told_by_seed()) for names in by_seed(every))
    return one, two, xmls


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
    return sorted(p for p in where.glob("*.xml") if not is_system(p.name))


def coco(root: Path, classes: Sequence[str] = ()) -> Layout | None:
    """The layout of COCO files, None where there are none.

    Raises:
        UserError: A class that is not there, several files for one split, or a JSON that looks
            like a COCO file and is none.
    """
    files = list(_coco_files(root))
    if not files:
        return None
    base = root if root.is_dir() else root.parent
    trains, vals = (_of_split(base, files, names) for names in (TRAIN, VAL))
    if trains and vals:
        parts = [coco_json.read(file, "") for file in (trains[0], vals[0])]
        train, val = (
            Part({"data_root": str(base), "ann_file": _below(base, c.file), **_images(base, c)})
            for c in parts
        )
    else:
        if len(files) > 1:
            raise UserError(
                f"{base}: {', '.join(f.name for f in files)}: which one is for training? name two "
                "of them train and val (instances_train.json, instances_val.json), or give the "
                "path of one"
            )
        parts = [coco_json.read(files[0], "")]
        train, val = _drawn(base, parts[0])
    held = sum((c.count_classes() for c in parts), Counter())
    order = list(dict.fromkeys(n for c in parts for _, n in sorted(c.names.items(), key=str)))
    names = [name for name in order if held[name]]
    return _layout("COCO", root, "CheckedCocoDataset", names, held, classes, train, val)


def _coco_files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    splits = [root / name for name in (*TRAIN, *VAL)]
    found = [
        f for folder in (root, root / "annotations", *splits) for f in sorted(folder.glob("*.json"))
    ]
    found = [f for f in found if not is_system(f.name) and _is_coco(f)]
    boxes_alone = [f for f in found if "instances" in f.name]
    yield from boxes_alone or found


def _is_coco(file: Path) -> bool:
    """Whether a JSON names the parts of a COCO file near its beginning or end."""
    with file.open("rb") as held:
        head = held.read(1 << 16)
        held.seek(max(0, file.stat().st_size - (1 << 16)))
        ends = head + held.read()
    return b'"annotations"' in ends or (b'"images"' in ends and b'"categories"' in ends)


def _of_split(base: Path, files: Sequence[Path], names: Sequence[str]) -> list[Path]:
    """The files of a split, by a word in their path; `test` only where there is no other."""
    for name in names:
        if found := [f for f in files if name in str(f.relative_to(base)).lower()]:
            return found
    return []


def _images(base: Path, coco: coco_json.Coco) -> dict[str, Any]:
    """Where the pictures of a COCO file are."""
    name = str(coco.images[0].get("file_name") or "")
    split = coco.file.stem.removeprefix("instances_")
    near = [coco.file.parent, base / split, base / "images" / split, base / "images", base]
    near += [p for p in sorted(base.glob("*")) + sorted(base.glob("images/*")) if p.is_dir()]
    folder = next((f for f in near if (f / name).is_file()), None)
    if folder is None:
        raise UserError(
            f"{coco.file}: its first image {name!r} is in none of the folders below {base}; put "
            "the images there, or correct 'file_name'"
        )
    return {"data_prefix": {"img": _below(base, folder)}}


def _below(base: Path, path: Path) -> str:
    below = str(path.relative_to(base))
    return "" if below == "." else below


def _drawn(base: Path, coco: coco_json.Coco) -> tuple[Part, Part]:
    names = by_seed([str(image.get("file_name")) for image in coco.images])
    settings = {"data_root": str(base), **_images(base, coco)}
    categories = [{"id": key, "name": name} for key, name in coco.names.items()]
    parts = []
    for some in map(set, names):
        images = [image for image in coco.images if str(image.get("file_name")) in some]
        held = [item for image in images for item in coco.objects[image["id"]]]
        text = json.dumps({"images": images, "annotations": held, "categories": categories})
        parts.append(Part(settings, text, ".json", told_by_seed()))
    return parts[0], parts[1]
