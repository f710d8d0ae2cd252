"""A few images that a run trains on, as its data set lists them: `<work_dir>/training_items.json`.

From these and the run's config the report shows what the training makes of an image, without
reading and checking a whole data set again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tricklift.records.atomic import read_json, write_text

FILE = "training_items.json"
#: So many, spread evenly over the set.
COUNT = 8


def write(work_dir: str | Path, items: list[dict[str, Any]], root: str, classes: list[str]) -> None:
    """Writes the file.

    Args:
        work_dir: Of the run.
        items: What `get_data_info` of the data set gives.
        root: The data root, absolute.
        classes: Names, in the order of the labels.

    Raises:
        TypeError: An item is no plain data.
    """
    held = {"root": root, "classes": classes, "items": items}
    write_text(Path(work_dir) / FILE, json.dumps(held, default=_plain) + "\n")


def read(work_dir: str | Path) -> dict[str, Any]:
    """What `write` was given; empty where a run left none, or something else."""
    held = read_json(Path(work_dir) / FILE)
    if not _is_ours(held):
        return {}
    for item in held["items"]:
        if isinstance(item.get("label_map"), dict):
            item["label_map"] = {_number(key): it for key, it in item["label_map"].items()}
    return held


def _number(key: str) -> int | str:
    """A key of JSON, which are words, as what was written."""
    return int(key) if key.removeprefix("-").isdecimal() else key


def _is_ours(held: Mapping[str, Any]) -> bool:
    kinds = {"root": str, "items": list, "classes": list}
    if not all(isinstance(held.get(key), kind) for key, kind in kinds.items()):
        return False
    return all(isinstance(it, dict) and isinstance(it.get("img_path"), str) for it in held["items"])


def _plain(value: Any) -> Any:
    """Arrays of numpy and torch as lists."""
    if not hasattr(value, "tolist"):
        raise TypeError(f"an item holds {type(value).__name__}, which is no plain data")
    return value.tolist()
