"""COCO annotations: one JSON for all images."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from det.checks import Rules, check_box, check_size
from tricklift.data.checks import image_header, require
from tricklift.data.files import Repairs, read_text, refuse_elsewhere
from tricklift.errors import UserError

PARTS = ("images", "annotations", "categories")


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
    ids = Counter(_key(image, "id", "image", file) for image in held["images"])
    if twice := [str(key) for key, times in ids.items() if times > 1]:
        raise UserError(f"{file}: image id {twice[0]} is there twice; give each image its own")
    if not ids:
        raise UserError(f"{file} lists no image; add some")
    names = {}
    for entry in held["categories"]:
        names[_key(entry, "id", "category", file)] = str(_key(entry, "name", "category", file))
    if len(set(names.values())) < len(names):
        raise UserError(f"{file}: two categories have one name; rename one of them")
    objects: dict[Any, list[dict[str, Any]]] = {key: [] for key in ids}
    for image in held["images"]:
        refuse_elsewhere(str(image.get("file_name") or ""), file)
    for entry in held["annotations"]:
        image = _key(entry, "image_id", "annotation", file)
        if image not in objects:
            raise UserError(f"{file}: an annotation is of image {image!r}, which it does not list")
        objects[image].append(entry)
    return Coco(file, held["images"], objects, names)


def read_image(
    coco: Coco, image: Mapping[str, Any], path: Path, rules: Rules, repairs: Repairs
) -> dict[str, Any]:
    """One image as mmdet's data sets list it, checked against its picture.

    Boxes are ``[x1, y1, x2, y2]`` in pixels from 0, fractions kept; crowds are ignored.
    What is mended is counted, as in `det.voc_xml`.

    Raises:
        MissingFileError: The picture is missing.
        UserError: An unreadable picture or one of another size, an unknown class, or a box that is
            none or lies outside.
    """
    where = f"{coco.file}: image {image.get('file_name')!r}"
    width, height, _ = image_header(path)
    given = (image.get("width") or 0, image.get("height") or 0)
    check_size(given, (width, height), path, where, repairs)
    instances = []
    for item in coco.objects[image["id"]]:
        name = coco.names.get(item.get("category_id"))
        if name is None:
            raise UserError(f"{where}: category {item.get('category_id')!r} is not in 'categories'")
        if not rules.takes(name, where, repairs):
            continue
        left, top, wide, high = _box(item, where)
        corners = (left, top, left + wide, top + high)
        box = check_box(corners, 0, (width, height), name, where, rules.border, repairs)
        if box is not None:
            ignored = int(bool(item.get("iscrowd")))
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
    numbers = isinstance(box, list) and all(
        isinstance(v, int | float) and math.isfinite(v) for v in box
    )
    if not numbers or len(box) != 4:  # type: ignore[arg-type]
        raise UserError(f"{where}: 'bbox' is {box!r}; it must be [x, y, width, height] in pixels")
    return [float(v) for v in box]  # type: ignore[union-attr]


def _key(entry: Mapping[str, Any], key: str, what: str, file: Path) -> Any:
    value = entry.get(key)
    if not isinstance(value, int | str):
        raise UserError(f"{file}: {what} {str(dict(entry))[:80]} has no {key!r}; complete it")
    return value
