"""Whether a folder holds what a part must hold: counts, names, pictures that decode, checksums."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tricklift.data.prepare import checksums
from tricklift.data.prepare.sets import Expected

PICTURES = (".jpg", ".jpeg", ".png")
#: Files that file managers leave behind; they do not count.
LITTER = (".DS_Store", "Thumbs.db")
#: How many pictures are decoded.
DECODED = 32
#: How many names an error lists.
SHOWN = 3


def problem(expected: Expected, folder: Path) -> str | None:
    """What is wrong with the part that lies in `folder`; None where it is complete."""
    looks = (_counts, _classes, _lists, _pairs, _known, _pictures, _sums)
    return next((found for look in looks for found in look(expected, folder)), None)


def files(folder: Path) -> Iterator[str]:
    """Paths of all files below `folder`, relative to it, sorted folder by folder."""
    for place, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        below = os.path.relpath(place, folder)
        for name in sorted(names):
            if name not in LITTER:
                yield os.path.normpath(os.path.join(below, name))


def spread(folder: Path, count: int, pictures: bool = False) -> list[str]:
    """At most `count` of the files below `folder`, evenly spread; pictures alone, if asked."""

    def listed() -> Iterator[str]:
        every = files(folder)
        return (f for f in every if f.lower().endswith(PICTURES)) if pictures else every

    step = max(1, -(-sum(1 for _ in listed()) // count))
    return list(islice(listed(), 0, None, step))


def _counts(expected: Expected, folder: Path) -> Iterator[str]:
    for part, wanted in expected.counts.items():
        found = sum(1 for _ in files(folder / part))
        if found != wanted:
            yield f"{folder / part} holds {found:,} files, not {wanted:,}"


def _classes(expected: Expected, folder: Path) -> Iterator[str]:
    if expected.classes is None:
        return
    wanted, lowest, highest = expected.classes
    classes = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir())
    if len(classes) != wanted:
        yield f"{folder} holds {len(classes):,} class folders, not {wanted:,}"
    for path in classes:
        found = sum(1 for _ in files(Path(path)))
        if not lowest <= found <= highest:
            yield f"{path} holds {found:,} files; a class has {lowest:,} to {highest:,}"


def _lists(expected: Expected, folder: Path) -> Iterator[str]:
    for path, (wanted, images) in expected.lists.items():
        file = folder / path
        if not file.is_file():
            yield f"{file} is not there"
            return
        names = file.read_text().split()
        if len(names) != wanted:
            yield f"{file} lists {len(names):,} images, not {wanted:,}"
        if lost := sorted(set(names) - _stems(folder / images)):
            yield f"{folder / images} lacks {_some(lost)} of {file.name}"


def _pairs(expected: Expected, folder: Path) -> Iterator[str]:
    for one, other in expected.pairs:
        if alone := sorted(_stems(folder / one) ^ _stems(folder / other)):
            yield f"{_some(alone)}: not in both {folder / one} and {folder / other}"


def _known(expected: Expected, folder: Path) -> Iterator[str]:
    for path in expected.known:
        if not (folder / path).is_file():
            yield f"{folder / path} is not there, though that is its class"


def _pictures(expected: Expected, folder: Path) -> Iterator[str]:
    from PIL import Image  # not needed for help

    for path in spread(folder, DECODED, pictures=True):
        try:
            with Image.open(folder / path) as image:
                image.load()
        except (OSError, SyntaxError, ValueError) as error:
            yield f"{folder / path} cannot be read as an image ({error})"


def _sums(expected: Expected, folder: Path) -> Iterator[str]:
    if expected.sums is not None and expected.sums.exact:
        yield from checksums.differences(expected.sums, folder)


def _stems(folder: Path) -> set[str]:
    return {os.path.splitext(name)[0] for name in os.listdir(folder) if name not in LITTER}


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
