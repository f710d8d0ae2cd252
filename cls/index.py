"""The list of a folder-per-class set, in arrays instead of a Python object a file.

A million file names as Python objects take seconds to build and, because counting references
writes to them, are copied page by page into every worker. Here they are one run of bytes with
offsets: made once, kept in a cache file, shared by all workers.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from tricklift.errors import UserError
from tricklift.records.atomic import write_bytes

#: Raised when the layout of cache files changes, or what their images have been checked for.
VERSION = "4"
#: Attributes of an index that are kept as JSON.
_WORDS = ("classes", "folders", "notes")


@dataclass(frozen=True, eq=False)
class FolderIndex(Sequence[dict[str, Any]]):
    """Images below ``root/<class>/``, each as mmengine's ``dict(img_path=str, gt_label=int)``.

    Attributes:
        root: The folder that holds the class folders.
        classes: Their names; a label is a place in this list.
        labels: int32 ``(N,)``.
        names: uint8 ``(M,)``: the file names (UTF-8 as the file system has them), end to end.
        ends: int64 ``(N,)``: where each name ends in `names`.
        folders: Those that were listed, relative to the root; none where a file lists the images,
            whose names are then relative to the root too.
        notes: What was left out, one line a kind.
    """

    root: str
    classes: tuple[str, ...]
    labels: np.ndarray
    names: np.ndarray
    ends: np.ndarray
    folders: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        root: str,
        files: Mapping[str, Sequence[str]],
        folders: Sequence[str] | None = None,
        notes: Sequence[str] = (),
    ) -> "FolderIndex":
        """Index of the file names of each class, in the order given.

        `folders` are the classes' by default; see the attributes.
        """
        folders = tuple(files) if folders is None else tuple(folders)
        counts = [len(names) for names in files.values()]
        encoded = [os.fsencode(name) for names in files.values() for name in names]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        names = np.frombuffer(b"".join(encoded), np.uint8)
        return cls(root, tuple(files), labels, names, lengths.cumsum(), folders, tuple(notes))

    def part(self, first: int, end: int) -> "FolderIndex":
        """Of each class, the images from `first` to before `end`, in the order of the index.

        Raises:
            UserError: No such part, or a class that holds fewer than `end` images.
        """
        if not 0 <= first < end:
            raise UserError(f"per_class needs 0 <= first < end, got ({first}, {end})")
        counts = np.bincount(self.labels, minlength=len(self.classes))
        if counts.min() < end:
            name = self.classes[int(counts.argmin())]
            raise UserError(
                f"per_class takes images {first} to {end} of each class, and {name!r} in "
                f"{self.root} holds {counts.min()}; take fewer"
            )
        begins = counts.cumsum() - counts
        place = np.arange(len(self)) - begins[self.labels]
        return self._at(np.flatnonzero((first <= place) & (place < end)))

    def without(self, places: Sequence[int]) -> "FolderIndex":
        """All images but those at some places."""
        if not places:
            return self
        return self._at(np.delete(np.arange(len(self)), places))

    def _at(self, chosen: np.ndarray) -> "FolderIndex":
        starts = self.ends - np.diff(self.ends, prepend=0)
        names = [self.names[starts[i] : self.ends[i]] for i in chosen]
        ends = np.cumsum([len(name) for name in names], dtype=np.int64)
        joined = np.concatenate([np.empty(0, np.uint8), *names])
        return replace(self, labels=self.labels[chosen], names=joined, ends=ends)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        place = range(len(self))[place]  # also refuses what is out of range
        start = int(self.ends[place - 1]) if place else 0
        name = os.fsdecode(self.names[start : self.ends[place]].tobytes())
        label = int(self.labels[place])
        below = self.classes[label] if self.folders else ""
        return {"img_path": os.path.join(self.root, below, name), "gt_label": label}


def folder_fingerprint(root: str | Path, folders: Sequence[str]) -> str:
    """Changes when a file is added, removed or renamed in one of the folders below `root`.

    It reads the folders' times of change, not the files: overwriting an image in place keeps it.
    """
    parts = [VERSION, str(Path(root).absolute())]
    parts += [f"{name}\0{os.stat(os.path.join(root, name)).st_mtime_ns}" for name in folders]
    return hashlib.sha256("\0\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def cache_file(root: str | Path) -> Path:
    """Where the index of `root` is kept: below XDG_CACHE_HOME, by default ``~/.cache``.

    Raises:
        RuntimeError: There is neither XDG_CACHE_HOME nor a home.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    place = hashlib.sha256(str(Path(root).absolute()).encode("utf-8", "surrogateescape"))
    return Path(base) / "tricklift" / "index" / f"{place.hexdigest()[:32]}.safetensors"


def store(index: FolderIndex, mark: str, checked: int) -> None:
    """Keep an index, and how many files at the most were looked into.

    `mark` is the fingerprint of its folders when they were listed.

    Raises:
        OSError: It cannot be written.
        RuntimeError: As `cache_file`.
    """
    arrays = {"labels": index.labels, "names": index.names, "ends": index.ends}
    facts = {
        "fingerprint": mark,
        "checked": str(checked),
        **{key: json.dumps(getattr(index, key)) for key in _WORDS},
    }
    write_bytes(cache_file(index.root), save(arrays, metadata=facts))


def recall(root: str, classes: Sequence[str], checked: int) -> FolderIndex | None:
    """The kept index of `root`, or None where there is none that fits.

    It fits if the root has these classes, the folders below have the same fingerprint, and no
    fewer files were looked into. A damaged file counts as none, and so does one that must not be
    read, or has no place.
    """
    try:
        file = cache_file(root)
        if not file.is_file():
            return None
        with safe_open(str(file), framework="numpy") as content:
            facts = content.metadata() or {}
            kept, folders, notes = (tuple(json.loads(facts.get(key, "[]"))) for key in _WORDS)
            if kept != tuple(classes) or int(facts.get("checked", "-1")) < checked:
                return None
            if facts.get("fingerprint") != folder_fingerprint(root, folders):
                return None
            labels, names, ends = (content.get_tensor(key) for key in ("labels", "names", "ends"))
    except (SafetensorError, OSError, RuntimeError, ValueError):
        return None
    return FolderIndex(root, kept, labels, names, ends, folders, notes)
