"""The parts of a layout: which reader takes it with which settings, and its splits."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.records.atomic import write_text

#: Folders and lists of a split go by these names, in this order.
TRAIN = ("train", "training", "trainval")
VAL = ("val", "valid", "validation", "dev", "test", "testing")
#: Share of the images that a split made by us keeps for validation.
SHARE = 0.2


@dataclass(frozen=True)
class Part:
    """One split.

    Attributes:
        settings: Of its reader, beside `type`, classes and pipeline.
        listing: What is in the list that it reads, where the data have none; `write` writes it.
        suffix: Of that list.
        told: How it came about, for the report.
    """

    settings: dict[str, Any]
    listing: str | None = None
    suffix: str = ".txt"
    told: str = "as given"

    def write(self, place: Path, split: str) -> dict[str, Any]:
        """The settings, with the list written to `place` where there is one.

        Raises:
            UserError: A file's name is not in UTF-8, so no list can hold it.
        """
        if self.listing is None:
            return self.settings
        refuse_unreadable(self.listing)
        file = place.absolute() / f"{split}{self.suffix}"
        if not file.is_file() or file.read_text(encoding="utf-8") != self.listing:
            write_text(file, self.listing)
        return {**self.settings, "ann_file": str(file)}


@dataclass(frozen=True)
class Layout:
    """What a folder is.

    Attributes:
        task: cls, det or seg.
        kind: What the report calls it.
        root: The folder.
        reader: Registered name of the data set's class.
        classes: Names, in the order of the labels.
        train: The split for training.
        val: The split for validation.
        counts: Class -> its images (cls), boxes (det) or masks (seg).
        settings: Of the reader, for both splits.
        notes: What else there is to say.
    """

    task: str
    kind: str
    root: Path
    reader: str
    classes: tuple[str, ...]
    train: Part
    val: Part
    counts: Counter[str] = field(default_factory=Counter)
    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def refuse_unreadable(listing: str) -> None:
    """Refuse names of files that another system wrote in its own encoding.

    Raises:
        UserError: There is one.
    """
    for line in listing.splitlines():
        if printable(line) != line:
            raise UserError(
                f"{printable(line)}: this name of a file is not in UTF-8; rename such files "
                "(`convmv -r -f latin1 -t utf8 --notest FOLDER`)"
            )


def by_seed(
    names: Sequence[str], seed: int = 0, share: float = SHARE
) -> tuple[list[str], list[str]]:
    """Names for training and for validation: the same for the same names, on any machine.

    A name's place follows from its digest alone, so few names move when others are added. Both
    parts get at least one, where there are two.

    Raises:
        UserError: A name is not in UTF-8, in which the list of a split is written.
    """
    refuse_unreadable("\n".join(names))
    drawn = sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    count = min(max(1, round(share * len(drawn))), len(drawn) - 1) if drawn else 0
    val = set(drawn[:count])
    return [name for name in names if name not in val], [name for name in names if name in val]


def printable(text: str) -> str:
    """A text whose parts that are not in UTF-8 are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def told_by_seed(seed: int = 0) -> str:
    """How a split was made, for the report."""
    return f"{SHARE:.0%} of the images for validation, drawn by seed {seed}"


def subfolder(folder: Path, names: Sequence[str]) -> Path | None:
    """The first folder below another that goes by one of the names, whatever their case."""
    if not folder.is_dir():
        return None
    inner = [entry for entry in folder.iterdir() if entry.is_dir()]
    there = {entry.name.lower(): entry for entry in inner} | {entry.name: entry for entry in inner}
    found = (there.get(name) or there.get(name.lower()) for name in names)
    return next((entry for entry in found if entry), None)


def listed(names: Sequence[str]) -> str:
    """A list with one name a line."""
    return "".join(f"{name}\n" for name in names)
