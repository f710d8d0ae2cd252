"""Draw all pictures of a MiniWorld, in this process or in several."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from tricklift.data.miniworld import ade, imagefolder, voc
from tricklift.data.miniworld.scene import SceneObject

#: Called with (pictures done, pictures in all).
Progress = Callable[[int, int], None]

_CHUNK = 64  # pictures a job: small enough for a smooth progress bar
#: Field of `MiniWorldSizes` -> folder and split. The place of a line makes its random numbers
#: independent of the others'.
_SPLITS = {
    "cls_train": ("imagenet", "train"),
    "cls_val": ("imagenet", "val"),
    "det_trainval": ("voc", "trainval"),
    "det_test": ("voc", "test"),
    "seg_train": ("ade", "training"),
    "seg_val": ("ade", "validation"),
}
_WRITERS = {"imagenet": imagefolder, "voc": voc, "ade": ade}
_Job = tuple[Path, int, str, range]  # folder, seed, field of sizes, pictures


def draw_all(
    folder: Path, seed: int, sizes: Mapping[str, int], workers: int, progress: Progress | None
) -> dict[str, int]:
    """Draw and write every picture, and the lists of VOC.

    Args:
        folder: Where to write.
        seed: Not negative.
        sizes: Pictures by field of `MiniWorldSizes`.
        workers: Processes; 1 draws in this one.
        progress: Called from this process.

    Returns:
        Pictures by split, and objects by split of VOC.
    """
    jobs = [
        (folder, seed, field, range(start, min(start + _CHUNK, sizes[field])))
        for field in _SPLITS
        for start in range(0, sizes[field], _CHUNK)
    ]
    done = 0
    objects: dict[str, list[tuple[SceneObject, ...]]] = {field: [] for field in _SPLITS}
    for (_, _, field, pictures), found in zip(jobs, _run(jobs, workers), strict=True):
        objects[field] += found
        done += len(pictures)
        if progress:
            progress(done, sum(sizes.values()))
    lists = {_SPLITS[field][1]: objects[field] for field in ("det_trainval", "det_test")}
    voc.write_lists(folder, lists)
    counts = {"/".join(_SPLITS[field]): sizes[field] for field in _SPLITS}
    return counts | {f"voc/{split} objects": sum(map(len, o)) for split, o in lists.items()}


def _run(jobs: list[_Job], workers: int) -> Iterator[list[tuple[SceneObject, ...]]]:
    """Do the jobs; what they give comes in their order."""
    if workers == 1:
        yield from map(_draw, jobs)
        return
    # Forked workers start at once and need no importable main module. They use NumPy and OpenCV
    # alone, so that threads which a caller's torch has started do not matter.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, context, cv2.setNumThreads, (0,)) as pool:
        try:
            yield from pool.map(_draw, jobs)
        finally:
            pool.shutdown(cancel_futures=True)


def _draw(job: _Job) -> list[tuple[SceneObject, ...]]:
    """Draw some pictures; the objects in each."""
    folder, seed, field, pictures = job
    task, split = _SPLITS[field]
    found = []
    for index in pictures:
        key = (list(_SPLITS).index(field), index)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
        found.append(_WRITERS[task].write_example(folder, split, index, rng))
    return found
