"""Boxes of one's own in COCO files."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from det import coco_json
from tricklift.data.files import is_system, pictures_below
from tricklift.errors import UserError
from tricklift.own.boxes import layout
from tricklift.own.parts import TRAIN, VAL, Layout, Part, by_seed, told_by_seed


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
    found = layout("COCO", root, "CheckedCocoDataset", names, held, classes, train, val)
    return replace(found, notes=(*found.notes, *_not_named(parts, (train, val))))


def _not_named(parts: Sequence[coco_json.Coco], splits: Sequence[Part]) -> Iterator[str]:
    """Says how many pictures of the folders no JSON names."""
    named: dict[Path, set[str]] = {}
    for part, split in zip(parts, splits, strict=False):  # one file that is drawn from has both
        folder = Path(split.settings["data_root"]) / split.settings["data_prefix"]["img"]
        names = (str(image.get("file_name", "")).replace("\\", "/") for image in part.images)
        named.setdefault(folder, set()).update(map(os.path.normpath, names))
    if more := sum(p not in named[folder] for folder in named for p in pictures_below(folder)):
        yield f"{more} pictures that no JSON names left out"


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
    first = coco.images[0]
    split = coco.file.stem.removeprefix("instances_")
    near = [coco.file.parent, base / split, base / "images" / split, base / "images", base]
    near += [p for p in sorted(base.glob("*")) + sorted(base.glob("images/*")) if p.is_dir()]
    folder = next((f for f in near if coco_json.picture_of(first, f).is_file()), None)
    if folder is None:
        raise UserError(
            f"{coco.file}: its first image {first['file_name']!r} is in none of the folders below "
            f"{base}; put the images there, or correct 'file_name'"
        )
    return {"data_prefix": {"img": _below(base, folder)}}


def _below(base: Path, path: Path) -> str:
    below = str(path.relative_to(base))
    return "" if below == "." else below


def _drawn(base: Path, coco: coco_json.Coco) -> tuple[Part, Part]:
    names = by_seed([image["file_name"] for image in coco.images])
    settings = {"data_root": str(base), **_images(base, coco)}
    categories = [{"id": key, "name": name} for key, name in coco.names.items()]
    parts = []
    for some in map(set, names):
        images = [image for image in coco.images if image["file_name"] in some]
        held = [item for image in images for item in coco.objects[image["id"]]]
        text = json.dumps({"images": images, "annotations": held, "categories": categories})
        parts.append(Part(settings, text, ".json", told_by_seed()))
    return parts[0], parts[1]
