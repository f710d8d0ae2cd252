"""COCO annotations: one JSON for all images."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from det.checks import Rules, check_box, check_size
from tricklift.data.checks import require
from tricklift.data.files import Repairs, read_text, refuse_odd
from tricklift.data.pictures import check_picture
from tricklift.errors import UserError

PARTS = ("images", "annotations", "categories")
#: Numbers of pixels are smaller.
LARGEST = 1e9


@dataclass(frozen=True)
class Coco:
    """The parts of a COCO file, put together.

    Attributes:
        file: Where it was read.
        images: Its images, in its order.
        objects: Image id -> its objects.
        names: Category id -> name.
    """

    file: Path
    images: list[dict[str, Any]]
    objects: dict[Any, list[dict[str, Any]]]
    names: dict[Any, str]

    def count_classes(self) -> Counter[str]:
        """How many objects of each class it holds; those without any count 0."""
        found: Counter[str] = Counter(dict.fromkeys(self.names.values(), 0))
        for item in (item for items in self.objects.values() for item in items):
            found[self.names.get(item.get("category_id"), "")] += 1
        return found


def read(path: str | Path, prepare: str) -> Coco:
    """Read a COCO file of boxes.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is no JSON, or not of that form: the part that is wrong is named.
    """
    file = require(path, "COCO file", prepare)
    try:
        held = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{file}: no JSON ({error}); write the file again") from error
    for part in PARTS:
        entries = held.get(part) if isinstance(held, Mapping) else None
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise UserError(
                f"{file}: {part!r} must be a list of objects; a COCO file has {', '.join(PARTS)}"
            )
    objects: dict[Any, list[dict[str, Any]]] = {}
    for entry in held["images"]:
        key = _key(entry, "id", "image", file)
        if key in objects:
            raise UserError(f"{file}: image id {key} is there twice; give each image its own")
        if not (isinstance(entry.get("file_name"), str) and entry["file_name"].strip()):
            raise UserError(f"{file}: image {key!r} has no 'file_name'; complete it")
        refuse_odd(entry["file_name"], file)
        objects[key] = []
    if not objects:
        raise UserError(f"{file} lists no image; add some")
    names: dict[Any, str] = {}
    for entry in held["categories"]:
        key, name = _key(entry, "id", "category", file), _key(entry, "name", "category", file)
        if key in names:
            raise UserError(f"{file}: category id {key} is there twice; give each its own")
        names[key] = str(name).strip()
    if len(set(names.values())) < len(names):
        raise UserError(f"{file}: two categories have one name; rename one of them")
    for entry in held["annotations"]:
        image = _key(entry, "image_id", "annotation", file)
        _key(entry, "category_id", "annotation", file)
        if image not in objects:
            raise UserError(
                f"{file}: an annotation is of image {image!r}, which it does not list; "
                "add the image, or take the annotation out"
            )
        objects[image].append(entry)
    return Coco(file, held["images"], objects, names)


def picture_of(image: Mapping[str, Any], folder: Path) -> Path:
    """Where an image of the file lies, if its pictures are below that folder.

    Raises:
        UserError: Its name leads out of the folder.
    """
    name = str(image["file_name"])
    path = os.path.normpath(folder.absolute() / name.replace("\\", "/"))
    inside = os.path.relpath(path, folder.absolute())
    if inside.startswith("../"):
        raise UserError(
            f"image {name!r} leaves the folder of the pictures, {folder}; write its 'file_name' as "
            "a path below that folder"
        )
    return folder / inside


def read_image(
    coco: Coco, image: Mapping[str, Any], path: Path, rules: Rules, repairs: Repairs
) -> dict[str, Any]:
    """One image as mmdet's data sets list it, checked against its picture.

    Boxes are ``[x1, y1, x2, y2]`` in pixels from 0, fractions kept; crowds are ignored. `area`,
    `segmentation` and the ids of annotations are not read. What is mended is counted, as in
    `det.voc_xml`.

    Raises:
        MissingFileError: The picture is missing.
        UserError: An unreadable picture or one of another size, an unknown class, or a box that is
            none or lies outside.
    """
    where = f"{coco.file}: image {image['file_name']!r}"
    picture = check_picture(path, repairs)
    width, height = picture.size
    given = [_number(image.get(key), key, where) for key in ("width", "height")]
    check_size((given[0], given[1]), picture, path, where, repairs)
    instances = []
    for item in coco.objects[image["id"]]:
        name = coco.names.get(item.get("category_id"))
        if name is None:
            raise UserError(
                f"{where}: category {item.get('category_id')!r} is not in 'categories'; "
                "add it there, or correct the id"
            )
        if not rules.takes(name, where, repairs):
            continue
        left, top, wide, high = _box(item, where)
        corners = (left, top, left + wide, top + high)
        box = check_box(corners, 0, (width, height), name, where, rules.border, repairs)
        if box is not None:
            crowd = item.get("iscrowd")
            if not isinstance(crowd, bool):
                crowd = _number(crowd, "iscrowd", where)
            ignored = int(bool(crowd))
            label = rules.classes.index(name)
            instances.append({"bbox": box, "bbox_label": label, "ignore_flag": ignored})
    return {
        "img_id": image["id"],
        "img_path": str(path),
        "width": width,
        "height": height,
        "instances": instances,
    }


def _box(item: Mapping[str, Any], where: str) -> list[float]:
    box = item.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise UserError(f"{where}: 'bbox' is {box!r}; it must be [x, y, width, height] in pixels")
    if box[2] < 0 or box[3] < 0:
        raise UserError(f"{where}: 'bbox' is {box!r}, with a negative side; correct it")
    return [float(v) for v in box]


def _number(value: Any, key: str, where: str) -> float:
    """A number that may be missing: then it is 0.

    Raises:
        UserError: It is something else.
    """
    if value is None:
        return 0.0
    if not _is_number(value):
        raise UserError(f"{where}: {key!r} is {value!r}, not a number; correct it")
    return float(value)


def _is_number(value: Any) -> bool:
    """Whether it is a number as images have them; a larger one may be no float at all."""
    return type(value) in (int, float) and abs(value) < LARGEST


def _key(entry: Mapping[str, Any], key: str, what: str, file: Path) -> Any:
    value = entry.get(key)
    if type(value) not in (int, str) and not (type(value) is float and value.is_integer()):
        said = f"has no {key!r}" if value is None else f"has the {key!r} {value!r}"
        raise UserError(
            f"{file}: {what} {str(dict(entry))[:80]} {said}; it must be a whole number or a name"
        )
    return value
