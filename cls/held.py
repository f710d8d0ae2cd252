"""Images of a small set, decoded once and held in memory, where forked workers share them.

Decoding a 64 px JPEG takes longer than cropping and resizing it. 25,000 of them are 300 MB, in one
array: objects of their own would be copied into each worker, page by page, as references to them
are counted.
"""

from collections.abc import Sequence

import numpy as np

from cls.transforms import content, decoded
from tricklift.data.checks import with_progress
from tricklift.errors import UserError
from tricklift.records.machine import free_memory

#: Share of the memory that is free which the images may take.
SHARE = 0.5


class HeldImages(Sequence[np.ndarray]):
    """The images of some files, each uint8 ``(H, W, 3)``, RGB, and not to be written to.

    Args:
        paths: The files.
        what: Name of the set, for messages.

    Raises:
        UserError: One cannot be decoded, or they need more than half of the free memory.
    """

    def __init__(self, paths: Sequence[str], what: str) -> None:
        self._sizes = np.empty((len(paths), 2), np.int32)
        self._ends = np.zeros(len(paths) + 1, np.int64)
        self._pixels = np.empty(0, np.uint8)
        for place, path in enumerate(with_progress(paths, what, "decoding")):
            image = decoded(content(path), path)
            begin, end = self._ends[place], self._ends[place] + image.size
            if end > len(self._pixels):
                self._grow(max(int(end) * len(paths) // (place + 1), int(end)), what)
            self._sizes[place], self._ends[place + 1] = image.shape[:2], end
            self._pixels[begin:end] = image.reshape(-1)
        self._pixels = self._pixels[: self._ends[-1]]
        self._pixels.flags.writeable = False

    def _grow(self, size: int, what: str) -> None:
        """Make room for `size` bytes: of all images, if those to come are as large."""
        free = free_memory()
        if free is not None and size > SHARE * free:
            raise UserError(
                f"the images of {what} need about {size / 1e9:.1f} GB, and {free / 1e9:.1f} GB of "
                "memory are free; set in_memory=False for this data set"
            )
        larger = np.empty(size, np.uint8)
        larger[: len(self._pixels)] = self._pixels
        self._pixels = larger

    def __len__(self) -> int:
        return len(self._sizes)

    def __getitem__(self, place: int) -> np.ndarray:  # type: ignore[override]  # no slices
        height, width = self._sizes[place]
        image = self._pixels[self._ends[place] : self._ends[place + 1]]
        return image.reshape(height, width, 3)
