"""One data set on its way to its place: what the steps of the way hand on to each other."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tricklift.data.prepare import layouts
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
        """Where an archive, or a folder that is as good, is among the folders for archives."""
        given = os.environ.get("TRICKLIFT_DATA")
        named = [self.source, Path(given) if given else None]
        folders = [*filter(None, named), self.archive_dir, self.place, self.place.parent]
        files = [folder / archive for folder in folders if (folder / archive).is_file()]
        name = next((a.unpacked for a in self.known.archives() if a.name == archive), "")
        copies = [folder if folder.name == name else folder / name for folder in folders if name]
        return next((path for path in (*files, *copies) if path.exists()), None)

    def form(self, part: Part) -> Part:
        """The part as it is unpacked: from its pack, where that is at hand, or as published."""
        if not part.pack or not self.find(part.pack):
            return part
        return replace(
            part,
            archives=(part.pack,),
            target=layouts.below(Path(self.known.folder).name),
            labels=None,
            label_archives=(),
            written=dict,
        )
