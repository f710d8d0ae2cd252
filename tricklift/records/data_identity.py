"""What data a run read, from its data sets: a label in a config is inherited, data are not.

A set that `tricklift prepare` put in place, or a MiniWorld, has a manifest that names it. Any other
is called by its folder, whatever the config or the reader's class say. The same files have one
digest, whatever they are called.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tricklift.records.atomic import read_json

#: Files of an unknown split whose size is looked at, evenly spread; names of all of them count.
SIZED = 1_000
#: Folders that hold a split of a set, not a set.
SPLITS = ("train", "val", "valid", "test", "training", "validation", "testing", "dev")


def data_of(runner: Any) -> dict[str, Any]:
    """`identity` of the training and validation set of a Runner whose loops are built."""
    loops = {"train": runner.train_loop, "val": runner.val_loop}
    return identity({name: loop.dataloader.dataset for name, loop in loops.items() if loop})


def identity(sets: Mapping[str, Any]) -> dict[str, Any]:
    """What data these are: equal for the same files, classes and splits in any folder.

    Args:
        sets: Name of a split -> its data set; those around other sets (concatenated, repeated) too.

    Returns:
        name: Of the data set, several joined by " + ".
        classes: Their number and a digest of their names in order; None where they have no names.
        splits: Split -> the lists or folders that it reads, and its number of images.
        digest: Of classes, splits and what the sets list: names, labels and some sizes, no pixels.
            A MiniWorld's manifest has a digest of its files, which stands for its list.
    """
    names: list[str] = []
    files: list[str] = []
    splits: dict[str, Any] = {}
    words: list[str] = []
    for split, data in sets.items():
        splits[split] = {"read": [], "images": len(data)}
        for leaf in leaves_of(data):
            words = words or list((getattr(leaf, "metainfo", None) or {}).get("classes") or ())
            read = _read(leaf)
            root = Path(os.path.abspath(getattr(leaf, "data_root", None) or read))
            name, folder, digest = _origin(root)
            names.append(name)
            files.append(digest or _listed(leaf))
            splits[split]["read"].append(os.path.relpath(read, folder))
    classes = {"count": len(words), "digest": _short(words)} if words else None
    return {
        "name": " + ".join(dict.fromkeys(names)),
        "classes": classes,
        "splits": splits,
        "digest": _short([files, classes, splits]),
    }


def repairs_of(sets: Mapping[str, Any]) -> dict[str, list[str]]:
    """Split -> how often its readers mended, left out or skipped what, a line a kind; no paths."""
    found: dict[str, list[str]] = {}
    for split, data in sets.items():
        for leaf in leaves_of(data):
            repairs = getattr(leaf, "repairs", ())
            lines = repairs.lines() if hasattr(repairs, "lines") else repairs
            found.setdefault(split, []).extend(line.partition(" (first: ")[0] for line in lines)
    return {split: lines for split, lines in found.items() if lines}


def leaves_of(data: Any) -> Iterator[Any]:
    """The sets that read files, below those that concatenate or repeat others."""
    inner = getattr(data, "datasets", None) or [getattr(data, "dataset", None)]
    if inner == [None]:
        yield data
        return
    for one in inner:
        yield from leaves_of(one)


def _read(leaf: Any) -> str:
    """The list or folder that a set reads."""
    prefix = getattr(leaf, "data_prefix", None) or {}
    images = next((str(prefix[key]) for key in ("img_path", "img") if prefix.get(key)), "")
    found = getattr(leaf, "ann_file", "") or images or getattr(leaf, "data_root", None)
    return os.path.abspath(found or type(leaf).__name__)


def _origin(root: Path) -> tuple[str, Path, str | None]:
    """Name and folder of the set that data at `root` are of; of a MiniWorld, what its files are."""
    for folder in (root, *root.parents):
        held = read_json(folder / "manifest.json")
        if held.get("name") == "MiniWorld":
            return "MiniWorld", folder, str(held.get("files_sha256"))
        for file in sorted((folder / ".tricklift").glob("*.json")):
            held = read_json(file)
            place = folder / str(held.get("folder"))
            if held.get("title") and place in (root, *root.parents):
                return held["title"], place, None
    folder = root.parent if root.name in SPLITS else root
    return folder.name, folder, None


def _listed(leaf: Any) -> str:
    """Digest of what a set lists: each item with its paths below the data root, and some sizes."""
    if not hasattr(leaf, "get_data_info"):
        return _short([type(leaf).__name__, len(leaf)])
    state = hashlib.sha256()
    root = str(getattr(leaf, "data_root", None) or "")
    step = max(1, len(leaf) // SIZED)
    for place in range(len(leaf)):
        item = leaf.get_data_info(place)
        for key, value in sorted(item.items()):
            path = value if isinstance(value, str) and key.endswith("_path") else ""
            size = os.path.getsize(path) if path and place % step == 0 else ""
            text = f"{key} {path.removeprefix(root).lstrip('/') or repr(value)} {size}"
            state.update(text.encode("utf-8", "surrogateescape"))
    return state.hexdigest()[:16]


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
