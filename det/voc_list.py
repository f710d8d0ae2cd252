"""A list of images of Pascal VOC: what its lines mean, and which files they name."""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from tricklift.data.files import Pictures, Repairs, is_picture, read_list, stem
from tricklift.errors import MissingFileError, UserError

_TWO_FILES = re.compile(r"(?P<picture>\S.*)\s+\S.*\.xml", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:/")


def read_names(file: str | Path, images: Path, prepare: str, repairs: Repairs) -> dict[str, str]:
    """Names of annotations, without suffix, and what the list says of each one's picture.

    A line may have the suffix of a picture or of an XML, and may be a path that leads below
    `images`: from there, from any folder above it, or from the root of the disk.

    Args:
        file: The list.
        images: The folder of the pictures.
        prepare: See `tricklift.data.checks.require`.
        repairs: Counts names that stand there twice; they are read once.

    Raises:
        MissingFileError: The list is missing.
        UserError: What `tricklift.data.files.read_list` refuses, or a line that leads elsewhere.
    """
    names: dict[str, str] = {}
    for line in read_list(file, prepare, repairs):
        path = _below(line, images, Path(file))
        name = stem(path) if is_picture(path) or path.lower().endswith(".xml") else path
        if name not in names:
            names[name] = path
            continue
        known = names[name]
        if known != path and is_picture(known) and is_picture(path):
            raise UserError(
                f"{file}: {known!r} and {path!r} would share one annotation, {name}.xml; take one "
                "of them off the list"
            )
        repairs.note("name listed twice, read once", f"{Path(file).name}: {line}")
        names[name] = path if is_picture(path) else known
    return names


def _below(line: str, images: Path, file: Path) -> str:
    """A line as a path relative to the folder of the pictures."""
    path = line.replace("\\", "/")
    two = _TWO_FILES.fullmatch(path)
    if two and is_picture(two["picture"]):
        raise UserError(
            f"{file}: {line!r} names a picture and an XML; write one name a line, such as "
            f"{Path(two['picture']).stem!r}"
        )
    if path.startswith("/"):
        path = _relative(path, images)
    path = os.path.normpath(path)
    above = [images.relative_to(folder.parent) for folder in (images, *images.parents)]
    tails = [f"{tail.as_posix()}/" for tail in above if not (images / tail).is_dir()]
    tail = next((tail for tail in tails if path.startswith(tail)), "")
    path = path.removeprefix(tail)
    if path.startswith("../") or _DRIVE.match(path):
        raise UserError(
            f"{file}: {line!r} leads to no picture below {images}; write names relative to that "
            f"folder, such as {Path(path).stem!r}"
        )
    return path


def _relative(path: str, images: Path) -> str:
    """An absolute path from the folder of the pictures, through links of folders too."""
    plain = os.path.relpath(path, images.absolute())
    if not plain.startswith("../"):
        return plain
    folder, name = os.path.split(path)
    return os.path.join(os.path.relpath(os.path.realpath(folder), os.path.realpath(images)), name)


def find_xml(folder: Path, name: str) -> Path:
    """The annotation of that name.

    Raises:
        MissingFileError: There is none.
    """
    paths = (folder / f"{form}{end}" for form in _forms(name) for end in (".xml", ".XML"))
    if (found := next((path for path in paths if path.is_file()), None)) is not None:
        return found
    hint = ""
    if name.split()[-1] in ("0", "1"):
        hint = " (if its last word is the flag of a class: trainval.txt has names alone)"
    raise MissingFileError(
        f"{folder / name}.xml: no such annotation{hint}; add it, or take the image off the list"
    )


def find_picture(pictures: Pictures, listed: str, named: str, xml: Path) -> Path:
    """The picture that a list and the annotation's own ``<filename>`` mean.

    Raises:
        MissingFileError: There is none.
        UserError: There are several.
    """
    for form in _forms(listed):
        if (found := pictures.find(form, named)) is not None:
            return found
    bare = stem(listed) if is_picture(listed) else listed
    raise MissingFileError(
        f"{pictures.folder / bare}.jpg: no such image, nor one of another suffix or of the "
        f"<filename> in {xml.name}; add it, or take it off the list"
    )


def _forms(name: str) -> Iterator[str]:
    """A name as it is, and with its accents as other systems store them."""
    yield name
    for form in ("NFC", "NFD"):
        if (other := unicodedata.normalize(form, name)) != name:
            yield other
