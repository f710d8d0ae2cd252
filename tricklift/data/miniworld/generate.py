"""Generate MiniWorld into a folder: all of it or nothing, once, in parallel."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tricklift.data.miniworld import voc
from tricklift.data.miniworld.draw import Progress, draw_all
from tricklift.data.miniworld.files import digest
from tricklift.data.miniworld.store import Manifest, Store
from tricklift.data.miniworld.vocabulary import CLASSES
from tricklift.errors import UserError


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

    Returns:
        What is there; its `reused` says whether it was there before.

    Raises:
        UserError: `seed` or `workers` is out of range, or `root` holds a MiniWorld made with
            other parameters and `overwrite` is off.
        UserError: `root` is a file, or a folder with something else in it.
    """
    if seed < 0 or workers < 1:
        raise UserError(f"seed must be 0 or more and workers 1 or more, not {seed} and {workers}")
    sizes = sizes or MiniWorldSizes()
    store = Store(Path(root), seed=seed, sizes=asdict(sizes))
    found = store.find(overwrite=overwrite)
    if found:
        return found
    with store.lock():
        found = store.find(overwrite=overwrite)  # another process may just have finished
        if found:
            return found
        with store.staging() as folder:
            hashes, counts = draw_all(folder, seed, asdict(sizes), workers, progress)
            return store.publish(
                folder, counts=counts, files=len(hashes), files_sha256=digest(hashes)
            )
