"""SHA-256 sums of some files of sets that come without archives of their publisher.

`checksums.json` holds them; `python tests/helpers/sample_checksums.py ROOT` writes it. A few files
a set tell another version, another order or another processing; they do not tell one changed file.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tricklift.data.prepare.download import digest

FILE = Path(__file__).with_name("checksums.json")


@dataclass(frozen=True)
class Sums:
    """What is known of some files of a part.

    Attributes:
        sha256: Path below the part's folder -> hexadecimal digits.
        labels: The sums are of the values of label maps (see `of_labels`), not of the files.
        exact: Every copy of the set has these files; otherwise names and bytes may be others,
            and a difference is said and not refused.
    """

    sha256: Mapping[str, str]
    labels: bool = False
    exact: bool = True


def known(name: str) -> dict[str, str]:
    """Path -> SHA-256 of the files of a set that `checksums.json` knows."""
    return dict(_sets()[name])


@cache
def _sets() -> Mapping[str, Mapping[str, str]]:
    sets: Mapping[str, Mapping[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))["sets"]
    return sets


def differences(sums: Sums, folder: Path) -> list[str]:
    """What differs between these sums and the files in `folder`, a phrase a file."""
    found = []
    for path, wanted in sums.sha256.items():
        file = folder / path
        try:
            there = of_labels(file) if sums.labels else digest(file, "sha256")
        except FileNotFoundError:
            found.append(f"{file} is not there")
        except (OSError, SyntaxError, ValueError) as error:
            found.append(f"{file} cannot be read ({error})")
        else:
            what = "does not hold the published labels" if sums.labels else "is not as published"
            if there != wanted:
                found.append(f"{file} {what}: SHA-256 {there}, not {wanted}")
    return found


def compared(sums: Sums | None, place: Path, from_published: bool) -> str:
    """Which checksums the contents of a part at `place` were compared with, as a phrase.

    Args:
        sums: What is known of its files.
        place: Its folder.
        from_published: It was unpacked from archives that have the published checksums.
    """
    if sums is None and from_published:
        return "unpacked from archives that have the published checksums"
    if sums is None:
        return (
            "no checksum was compared, for none of its single files is known; looked at were "
            "counts, names and some pictures"
        )
    number = len(sums.sha256)
    if sums.labels:
        return (
            f"{number} label maps have the known checksums; no checksum of its pictures was "
            "compared, for their bytes depend on who encoded them"
        )
    same = number - len(differences(sums, place))
    if same == number:
        return f"{number} files have the known checksums"
    return (
        f"{same} of {number} files that are known have the same checksum here; the others are "
        "missing or differ, as after another encoder or under other names, and no checksum tells "
        "whether they are the published data"
    )


def of_labels(file: Path) -> str:
    """SHA-256 of a label map's `HEIGHTxWIDTH` and values (H, W) as 32-bit integers, row by row.

    Label maps are stored without loss, so this is the same whatever wrote the file.

    Raises:
        OSError, SyntaxError, ValueError: The file is no image or broken.
    """
    import numpy as np  # neither is needed for help
    from PIL import Image

    with Image.open(file) as image:
        values = np.asarray(image)
    size = "x".join(str(length) for length in values.shape)
    return hashlib.sha256(size.encode() + values.astype("<i4").tobytes()).hexdigest()
