"""What a file of predictions may hold, for readers of files from anywhere."""

import base64
import binascii
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

Check = Callable[[Any], bool]
PNG = b"\x89PNG\r\n\x1a\n"


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_name(value: Any) -> bool:
    """Below the folder of the images; unknown ones have none."""
    if value is None:
        return True
    path = PurePath(value) if _is_text(value) else None
    return path is not None and not path.is_absolute() and ".." not in path.parts


def _is_map(value: Any) -> bool:
    """A PNG file as text; whether it can be decoded shows when it is."""
    try:
        return _is_text(value) and base64.b64decode(value, validate=True).startswith(PNG)
    except binascii.Error:
        return False


def _list_of(check: Check, least: int = 0, most: float = math.inf) -> Check:
    return lambda value: (
        isinstance(value, list) and least <= len(value) <= most and all(map(check, value))
    )


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


_SIX = _list_of(_list_of(_is_number, 6, 6))
_SIZE = _list_of(_is_count, 2, 2)
#: Task -> what an image holds beside its name.
IMAGES: Mapping[str, Mapping[str, Check]] = {
    "cls": {"label": _is_count, "top1": _is_count},
    "det": {"size": _SIZE, "boxes": _SIX, "truth": _or_none(_SIX)},
    "seg": {"size": _SIZE, "labels": _is_map, "truth": _or_none(_is_map)},
}
FIELDS: Mapping[str, Check] = {
    "task": lambda value: value in tuple(IMAGES),
    "split": lambda value: value in ("val", "test"),
    "step": _is_count,
    "images_of_set": _is_count,
    "classes": _list_of(_is_text),
    "palette": _list_of(_list_of(lambda value: _is_count(value) and value < 256, 3, 3)),
    "folder": _is_text,
    "root": _is_text,
}


def wrong(held: Mapping[str, Any]) -> str | None:
    """The first place that holds something else than it should; None where all is well."""
    return next(_faults(held), None)


def _faults(held: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name, check in FIELDS.items() if not check(held.get(name)))
    images: Sequence[Any] = held["images"] if isinstance(held.get("images"), list) else ()
    if not isinstance(held.get("images"), list):
        yield "images"
    of_task = {"name": _is_name, **IMAGES.get(str(held.get("task")), {})}
    for place, image in enumerate(images):
        if not isinstance(image, dict):
            yield f"images[{place}]"
            continue
        for name, check in of_task.items():
            if name not in image or not check(image[name]):
                yield f"images[{place}].{name}"
