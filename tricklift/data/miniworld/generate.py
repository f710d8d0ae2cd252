"""Generate MiniWorld into a folder: all of it or nothing, once, in parallel."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tricklift.data.miniworld import voc
from tricklift.data.miniworld.draw import Progress, draw_all
from tricklift.data.miniworld.files import digest_of_tree
from tricklift.data.miniworld.vocabulary import CLASSES
from tricklift.errors import MissingFileError, UserError

try:
    import fcntl
except ImportError:  # not on Windows: there two generators at once are the user's affair
    fcntl = None  # type: ignore[assignment]

#: Rises whenever the same seed gives other pictures or files.
VERSION = 3
MANIFEST = "manifest.json"
#: Written first: a folder with it and without a manifest is an unfinished MiniWorld.
MARKER = ".miniworld"


@dataclass(frozen=True)
class MiniWorldSizes:
    """How many pictures each split has.

    Raises:
        UserError: A split is too small to hold every class, or too large for VOC's identifiers.
    """

    cls_train: int = 6000
    cls_val: int = 960
    det_trainval: int = 400
    det_test: int = 150
    seg_train: int = 400
    seg_val: int = 120

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            # trainval is halved into train and val, and each half shall hold every class
            least = len(CLASSES) * (2 if field.name == "det_trainval" else 1)
            if not isinstance(value, int) or not least <= value <= voc.MOST_IMAGES:
                raise UserError(
                    f"MiniWorldSizes.{field.name} is {value!r}; it must be a whole number from "
                    f"{least} (so that each of the {len(CLASSES)} classes occurs) "
                    f"to {voc.MOST_IMAGES}"
                )


@dataclass(frozen=True)
class Manifest:
    """What a complete MiniWorld says about itself.

    Attributes:
        root: Its folder.
        version: Of the generator.
        seed: That it was drawn from.
        sizes: The fields of `MiniWorldSizes`.
        counts: Pictures by split, labelled objects by split.
        files: Number of files, manifest and marker not counted.
        files_sha256: One hash over names and hashes of all files.
        libraries: Versions of NumPy and OpenCV that drew it.
        reused: Whether it was there before the call that returned this.
    """

    root: Path
    version: int
    seed: int
    sizes: Mapping[str, int]
    counts: Mapping[str, int]
    files: int
    files_sha256: str
    libraries: Mapping[str, str]
    reused: bool = False


def generate(
    root: str | Path,
    *,
    seed: int = 0,
    sizes: MiniWorldSizes | None = None,
    workers: int = 2,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Manifest:
    """Write MiniWorld below `root`, or find that it is there already.

    The tree grows in a sibling folder and is moved to `root` when it is complete; a second caller
    waits for the first. Every picture has its own random numbers, drawn from (seed, split, index):
    the bytes depend neither on the number of workers nor on the sizes of other splits. They may
    differ between versions of NumPy and OpenCV.

    Args:
        root: Folder that shall hold `imagenet/`, `VOCdevkit/`, `ade/` and `manifest.json`.
        seed: Not negative.
        sizes: Pictures a split; `MiniWorldSizes()` if not given.
        workers: Processes that draw; 1 draws in this one.
        progress: Called with (pictures done, pictures in all), from this process.
        overwrite: Replace a MiniWorld of another seed, size or version.

    Raises:
        UserError: `seed` or `workers` is out of range; `root` holds a MiniWorld made with other
            parameters and `overwrite` is off, or is a file, or a folder with something else in it.
    """
    if seed < 0 or workers < 1:
        raise UserError(f"seed must be 0 or more and workers 1 or more, not {seed} and {workers}")
    root = Path(root).expanduser().resolve()
    sizes = sizes or MiniWorldSizes()
    wanted: dict[str, Any] = {"version": VERSION, "seed": seed, "sizes": asdict(sizes)}
    if found := _find(root, wanted, overwrite):
        return found
    with _lock(root):
        if found := _find(root, wanted, overwrite):  # another process may just have finished
            return found
        with _staging(root) as folder:
            counts = draw_all(folder, seed, wanted["sizes"], workers, progress)
            files, sha256 = digest_of_tree(folder, (MARKER,))
            record: dict[str, Any] = {
                **wanted,
                "counts": counts,
                "files": files,
                "files_sha256": sha256,
                "libraries": {"numpy": np.__version__, "opencv": cv2.__version__},
            }
            text = json.dumps({"name": "MiniWorld", **record}, indent=2) + "\n"
            (folder / MANIFEST).write_text(text)
            _publish(folder, root)
    return Manifest(root, **record)


def verify(root: str | Path) -> Manifest:
    """Read every file of a MiniWorld again and compare with its manifest.

    Raises:
        MissingFileError: There is no complete MiniWorld in `root`.
        UserError: Files are missing, were added, or have changed.
    """
    root = Path(root).expanduser().resolve()
    manifest = _read_manifest(root)
    if manifest is None:
        raise MissingFileError(
            f"no complete MiniWorld in {root} (no readable {MANIFEST}); run generate() on it"
        )
    files, found = digest_of_tree(root, leave_out=(MANIFEST, MARKER))
    again = "delete the folder and generate it again"
    if files != manifest.files:
        raise UserError(f"{root} has {files} files, its manifest says {manifest.files}; {again}")
    if found != manifest.files_sha256:
        raise UserError(f"files in {root} have changed; {again}")
    return manifest


def _read_manifest(root: Path) -> Manifest | None:
    try:
        record = json.loads((root / MANIFEST).read_text())
        del record["name"]
        return Manifest(root=root, **record)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _find(root: Path, wanted: Mapping[str, Any], overwrite: bool) -> Manifest | None:
    """The complete MiniWorld with these parameters, or None if it is to be generated."""
    if root.exists() and not root.is_dir():
        raise UserError(f"{root} is a file; MiniWorld needs a folder")
    if not root.exists() or not any(root.iterdir()):
        return None
    if not (root / MARKER).exists():
        raise UserError(
            f"{root} holds files that MiniWorld did not write; "
            "give a new or empty folder (nothing was changed)"
        )
    there = _read_manifest(root)
    if there is None:
        return None
    had = {"version": there.version, "seed": there.seed, **there.sizes}
    asked = {"version": wanted["version"], "seed": wanted["seed"], **wanted["sizes"]}
    if had == asked:
        names = [name for _, _, files in os.walk(root) for name in files]
        whole = sum(name not in (MANIFEST, MARKER) for name in names) >= there.files
        return replace(there, reused=True) if whole else None
    if overwrite:
        return None
    other = [f"{k} {had.get(k, 0)} instead of {v}" for k, v in asked.items() if had.get(k, 0) != v]
    raise UserError(
        f"{root} holds a MiniWorld with {', '.join(other)}; "
        "remove it, give another folder, or replace it with overwrite=True"
    )


def _sibling(root: Path, purpose: str) -> Path:
    return root.with_name(f".{root.name}.{purpose}")


@contextlib.contextmanager
def _lock(root: Path) -> Iterator[None]:
    """Wait until no other process generates into the same place."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with _sibling(root, "lock").open("w") as handle:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)  # released when the file is closed
        yield


@contextlib.contextmanager
def _staging(root: Path) -> Iterator[Path]:
    """A fresh sibling folder, gone again when the block ends however it ends."""
    folder = _sibling(root, "partial")
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
    folder.mkdir()
    (folder / MARKER).write_text("Generated by tricklift.data.miniworld; may be deleted.\n")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _publish(folder: Path, root: Path) -> None:
    """Move a complete tree to its place as a whole."""
    old = _sibling(root, "old")
    shutil.rmtree(old, ignore_errors=True)
    if root.exists():
        os.replace(root, old)
    os.replace(folder, root)
    shutil.rmtree(old, ignore_errors=True)
