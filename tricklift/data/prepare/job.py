"""One data set on its way to its place: what the steps of the way hand on to each other."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tricklift.data.prepare.sets import DataSet, Part
from tricklift.data.prepare.unpack import Progress


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
