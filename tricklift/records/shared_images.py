"""Images of the validation set that are images of the training set too, found by their content.

A copy under another name is found as well. Their score says how well a training remembers.
"""

import hashlib
import logging
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from mmengine.logging import print_log

from tricklift.records.data_identity import leaves_of

#: Training and validation images together up to which they are compared.
COMPARED = 70_000


def shared_images(sets: Mapping[str, Any]) -> dict[str, Any] | None:
    """How many validation images a training sees.

    Files of one size are read and hashed; no others, so most of a usual set is not opened.

    Args:
        sets: The data sets called "train" and "val"; those around others (concatenated) too.

    Returns:
        images: Their number.
        first: A validation image and the training image that it is; None without any.
        None where the sets are larger than `COMPARED`, or one does not say which images it has.
    """
    if not {"train", "val"} <= sets.keys() or len(sets["train"]) + len(sets["val"]) > COMPARED:
        return None
    train, val = _images(sets["train"]), _images(sets["val"])
    if not train or not val:
        return None
    pairs = same_files(train, val)
    return {"images": len(pairs), "first": list(pairs[0]) if pairs else None}


def same_files(train: Collection[str], val: Iterable[str]) -> list[tuple[str, str]]:
    """Validation files whose content is that of a training file, each with that one.

    Only files of one size are read.
    """
    known = set(train)
    sizes: dict[int, list[str]] = defaultdict(list)
    for path in dict.fromkeys(train):
        sizes[os.path.getsize(path)].append(path)
    hashed: dict[int, dict[str, str]] = {}
    pairs = []
    for path in val:
        if path in known:
            pairs.append((path, path))
            continue
        size = os.path.getsize(path)
        if size not in sizes:
            continue
        if size not in hashed:
            hashed[size] = {_hash(other): other for other in sizes[size]}
        if other := hashed[size].get(_hash(path)):
            pairs.append((path, other))
    return pairs


def warn(found: Mapping[str, Any] | None, of: int) -> None:
    """Says in the log what `shared_images` has found, of so many validation images."""
    if found and found["images"]:
        image, other = found["first"]
        print_log(
            f"{found['images']} of {of} validation images are training images too (first: {image} "
            f"is {other}); their score says how well a training remembers them. The result counts "
            "them, and so does the table",
            logger="current",
            level=logging.WARNING,
        )


def _images(data: Any) -> list[str]:
    """The paths of a set's images; none where a part of it does not say them."""
    found: list[str] = []
    for leaf in leaves_of(data):
        paths = list(_paths(leaf))
        if not paths:
            return []
        found += paths
    return found


def _paths(leaf: Any) -> Iterator[str]:
    for place in range(len(leaf) if hasattr(leaf, "get_data_info") else 0):
        path = leaf.get_data_info(place).get("img_path")
        if isinstance(path, str) and os.path.isfile(path):
            yield os.path.realpath(path)


def _hash(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
