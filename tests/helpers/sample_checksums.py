"""Writes `checksums.json` anew: `python tests/helpers/sample_checksums.py ROOT`.

ROOT holds unpacked copies, of which one knows that they are good, of the sets in `FOLDERS`.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from tricklift.data.prepare import checksums, verify
from tricklift.data.prepare.download import digest
from tricklift.data.prepare.sets import SETS
from tricklift.errors import UserError
from tricklift.records.atomic import write_text

#: How many files of a set, evenly spread over its folders.
SAMPLED = 12
#: Set -> folders whose files are the same in every copy. Not CamVid's pictures: they are published
#: as PNG and lie here as JPEG, whose bytes depend on the encoder.
FOLDERS = {
    "tiny-imagenet": ("train", "val"),
    "groceries": ("JPEGImages", "Annotations"),
    "cifar10": ("train", "val"),
    "bccd": ("JPEGImages", "Annotations", "ImageSets/Main"),
    "camvid": ("annotations/training", "annotations/validation"),
}
ABOUT = (
    f"SHA-256 of {SAMPLED} files a set, evenly spread over the sorted files of its folders; "
    "written by 'python tests/helpers/sample_checksums.py ROOT' from copies in the layout that "
    "'tricklift prepare' asks for. cifar10: JPEG files, whose bytes depend on the encoder, so a "
    "difference is said and not refused. camvid: of the values of its label maps "
    "(checksums.of_labels); its pictures are published as PNG and lie here as JPEG. groceries: of "
    "the smaller archive, with JPEG files; the repository has PNG files, so a difference is said "
    "and not refused."
)


def sample(name: str, root: Path) -> dict[str, str]:
    """Path -> SHA-256 of some files of the set below `root`.

    Raises:
        UserError: The set is not whole, whatever the sums of its files.
    """
    (part,) = SETS[name].parts
    folder, sums = root / SETS[name].folder, part.expected.sums
    problem = verify.problem(replace(part.expected, sums=None), folder)
    if problem:
        raise UserError(f"{name} is not whole: {problem}")
    count = SAMPLED // len(FOLDERS[name])
    paths = [f"{top}/{p}" for top in FOLDERS[name] for p in verify.spread(folder / top, count)]
    labels = sums is not None and sums.labels
    return {
        path: checksums.of_labels(folder / path) if labels else digest(folder / path, "sha256")
        for path in paths
    }


def main(root: Path) -> None:
    """Writes the file; all sets in `FOLDERS` are below `root`."""
    sets = {name: sample(name, root) for name in FOLDERS}
    text = json.dumps({"about": ABOUT, "sets": sets}, indent=1)
    write_text(checksums.FILE, text + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/helpers/sample_checksums.py ROOT")
    main(Path(sys.argv[1]))
