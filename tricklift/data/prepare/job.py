"""One data set on its way to its place: what the steps of the way hand on to each other."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tricklift.data.prepare.sets import DataSet, Part
from tricklift.data.prepare.unpack import Progress
from tricklift.errors import UserError


@dataclass(frozen=True)
class Job:
    """A set on its way to its place.

    Attributes:
        name: Of the set.
        known: What it is.
        root: The folder that holds all sets.
        source: Where the user said that archives or an unpacked copy are.
        say: Gets a line at each step.
        progress: Gets units done and units in all of the present step.
    """

    name: str
    known: DataSet
    root: Path
    source: Path | None
    say: Callable[[str], None]
    progress: Progress | None

    @property
    def place(self) -> Path:
        """The folder of the set."""
        return self.root / self.known.folder

    @property
    def archive_dir(self) -> Path:
        """Where downloads go."""
        return self.root / "archives"

    def place_of(self, part: Part) -> Path:
        """The folder of a part."""
        return self.place / part.folder

    def find(self, archive: str) -> Path | None:
        """Where an archive is, among the folders in which archives may be."""
        given = os.environ.get("TRICKLIFT_DATA")
        named = [self.source, Path(given) if given else None]
        folders = [*filter(None, named), self.archive_dir, self.place, self.place.parent]
        return next((s / archive for s in folders if (s / archive).is_file()), None)


def need_space(folder: Path, needed: int, what: str) -> None:
    """Looks whether `needed` bytes fit on the disk of `folder`, which need not exist yet.

    Raises:
        UserError: They do not; `what` begins the message.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{what} {in_words(needed)}, and {in_words(free)} are free on the disk of "
            f"{folder.resolve()}; make room, or give another --root"
        )


def in_words(size: int) -> str:
    """Bytes as people say it: `2.0 GB`."""
    for unit, worth in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= worth:
            return f"{size / worth:.1f} {unit}"
    return f"{size} bytes"
