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
    return (
        _counts(expected, folder)
        or _classes(expected, folder)
        or _lists(expected, folder)
        or _pairs(expected, folder)
        or _known(expected, folder)
        or _pictures(folder)
        or _sums(expected, folder)
    )


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


def _counts(expected: Expected, folder: Path) -> str | None:
    for part, wanted in expected.counts.items():
        found = sum(1 for _ in files(folder / part))
        if found != wanted:
            return f"{folder / part} holds {found:,} files, not {wanted:,}"
    return None


def _classes(expected: Expected, folder: Path) -> str | None:
    if expected.classes is None:
        return None
    wanted, lowest, highest = expected.classes
    classes = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir())
    if len(classes) != wanted:
        return f"{folder} holds {len(classes):,} class folders, not {wanted:,}"
    for path in classes:
        found = sum(1 for _ in files(Path(path)))
        if not lowest <= found <= highest:
            return f"{path} holds {found:,} files; a class has {lowest:,} to {highest:,}"
    return None


def _lists(expected: Expected, folder: Path) -> str | None:
    for path, (wanted, images) in expected.lists.items():
        file = folder / path
        if not file.is_file():
            return f"{file} is not there"
        names = file.read_text().split()
        if len(names) != wanted:
            return f"{file} lists {len(names):,} images, not {wanted:,}"
        lost = sorted(set(names) - _stems(folder / images))
        if lost:
            return f"{folder / images} lacks {_some(lost)} of {file.name}"
    return None


def _pairs(expected: Expected, folder: Path) -> str | None:
    for one, other in expected.pairs:
        alone = sorted(_stems(folder / one) ^ _stems(folder / other))
        if alone:
            return f"{_some(alone)}: not in both {folder / one} and {folder / other}"
    return None


def _known(expected: Expected, folder: Path) -> str | None:
    for path in expected.known:
        if not (folder / path).is_file():
            return f"{folder / path} is not there, though that is its class"
    return None


def _pictures(folder: Path) -> str | None:
    from PIL import Image  # not needed for help

    for path in spread(folder, DECODED, pictures=True):
        try:
            with Image.open(folder / path) as image:
                image.load()
        except (OSError, SyntaxError, ValueError) as error:
            return f"{folder / path} cannot be read as an image ({error})"
    return None


def _sums(expected: Expected, folder: Path) -> str | None:
    if expected.sums is None or not expected.sums.exact:
        return None
    return next(iter(checksums.differences(expected.sums, folder)), None)


def _stems(folder: Path) -> set[str]:
    return {os.path.splitext(name)[0] for name in os.listdir(folder) if name not in LITTER}


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
