"""Draw all pictures of a MiniWorld, in this process or in several."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tricklift.data.miniworld import ade, imagefolder, voc
from tricklift.data.miniworld.files import Files
from tricklift.data.miniworld.scene import SceneObject

#: Called with (pictures done, pictures in all).
Progress = Callable[[int, int], None]

_CHUNK = 64  # pictures a job: small enough for a smooth progress bar


@dataclass(frozen=True)
class _Split:
    """One split; `code` makes its random numbers independent of the others'."""

    task: str
    name: str
    code: int
    size: str  # field of MiniWorldSizes


_SPLITS = (
    _Split("imagenet", "train", 0, "cls_train"),
    _Split("imagenet", "val", 1, "cls_val"),
    _Split("voc", "trainval", 2, "det_trainval"),
    _Split("voc", "test", 3, "det_test"),
    _Split("ade", "training", 4, "seg_train"),
    _Split("ade", "validation", 5, "seg_val"),
)


@dataclass(frozen=True)
class _Job:
    folder: Path
    seed: int
    split: _Split
    start: int
    stop: int


@dataclass(frozen=True)
class _Done:
    job: _Job
    hashes: dict[str, str]
    objects: list[tuple[SceneObject, ...]]  # of VOC pictures alone


def draw_all(
    folder: Path,
    seed: int,
    sizes: Mapping[str, int],
    workers: int,
    progress: Progress | None = None,
) -> tuple[dict[str, str], dict[str, int]]:
    """Draw and write every picture, and the lists of VOC.

    Args:
        folder: Where to write.
        seed: Not negative.
        sizes: Pictures by field of `MiniWorldSizes`.
        workers: Processes; 1 draws in this one.
        progress: Called from this process.

    Returns:
        SHA-256 by file name, and counts: pictures by split, objects by split of VOC.
    """
    jobs = [
        _Job(folder, seed, split, start, min(start + _CHUNK, sizes[split.size]))
        for split in _SPLITS
        for start in range(0, sizes[split.size], _CHUNK)
    ]
    total, done = sum(sizes.values()), 0
    finished: list[_Done] = []
    for part in _run(jobs, workers):
        finished.append(part)
        done += part.job.stop - part.job.start
        if progress:
            progress(done, total)
    finished.sort(key=lambda part: (part.job.split.code, part.job.start))
    lists = Files(folder)
    objects = {
        split: [found for part in finished if _is_voc(part, split) for found in part.objects]
        for split in ("trainval", "test")
    }
    voc.write_lists(lists, objects)
    hashes = {name: value for part in finished for name, value in part.hashes.items()}
    counts = {f"{split.task}/{split.name}": sizes[split.size] for split in _SPLITS}
    counts |= {f"voc/{split} objects": sum(map(len, found)) for split, found in objects.items()}
    return hashes | lists.hashes, counts


def _is_voc(part: _Done, split: str) -> bool:
    return (part.job.split.task, part.job.split.name) == ("voc", split)


def _run(jobs: list[_Job], workers: int) -> Iterator[_Done]:
    """Do the jobs, in any order."""
    if workers == 1:
        yield from map(_draw, jobs)
        return
    # Forked workers start at once and need no importable main module. They use NumPy and OpenCV
    # alone, so that threads which a caller's torch has started do not matter.
    method = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(
        workers, context, initializer=cv2.setNumThreads, initargs=(0,)
    ) as pool:
        futures = [pool.submit(_draw, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _draw(job: _Job) -> _Done:
    files = Files(job.folder)
    objects = []
    for index in range(job.start, job.stop):
        sequence = np.random.SeedSequence(job.seed, spawn_key=(job.split.code, index))
        rng = np.random.default_rng(sequence)
        if job.split.task == "voc":
            objects.append(voc.write_example(files, job.split.name, index, rng))
        elif job.split.task == "ade":
            ade.write_example(files, job.split.name, index, rng)
        else:
            imagefolder.write_example(files, job.split.name, index, rng)
    return _Done(job, files.hashes, objects)
