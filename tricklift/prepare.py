"""Getting the data of a tier in place: `tricklift prepare NAME --root DIR`.

MiniWorld is generated; the real sets are unpacked from archives in `TRICKLIFT_DATA`. A set is
either whole at its place or not there: it is unpacked beside its place, counted, then renamed.
"""

import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tricklift.errors import did_you_mean

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Archive:
    """A data set that comes as `NAME.tar.gz` with one folder NAME.

    Attributes:
        counts: Folder below the set (its subfolders included) -> number of files in it.
        about: What it is, for the help.
    """

    counts: dict[str, int]
    about: str


ARCHIVES = {
    "cifar10": Archive({"train": 50_000, "val": 10_000}, "CIFAR-10 as an image folder, 10 classes"),
    "bccd": Archive(
        {"JPEGImages": 364, "Annotations": 364, "ImageSets/Main": 4}, "blood cells, VOC layout"
    ),
    "camvid": Archive(
        {
            "images/training": 468,
            "images/validation": 233,
            "annotations/training": 468,
            "annotations/validation": 233,
        },
        "road scenes, ADE20K layout",
    ),
}
MINIWORLD = "miniworld"
NAMES = (MINIWORLD, *ARCHIVES)


def data_folder() -> Path:
    """Where the archives are: `TRICKLIFT_DATA`, default `../shared/data`."""
    return Path(os.environ.get("TRICKLIFT_DATA", "../shared/data"))


def prepare(name: str, root: str | Path, progress: Progress | None = None) -> Path:
    """Puts a data set at `root/name`, unless it is there already; returns that folder.

    Raises:
        ValueError: Unknown name; a folder that is there and not whole; an archive with members
            that it must not have.
        FileNotFoundError: No such archive.
    """
    if name not in NAMES:
        hint = did_you_mean(name, NAMES)
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(NAMES)}{hint}")
    place = Path(root) / name
    if name == MINIWORLD:
        from tricklift.miniworld import generate

        generate(place, workers=os.cpu_count() or 1, progress=progress)
        return place
    if place.exists():
        problem = missing(name, root)
        if problem:
            raise ValueError(f"{problem}; remove {place} and prepare it again")
        return place
    archive = data_folder() / f"{name}.tar.gz"
    if not archive.is_file():
        raise FileNotFoundError(
            f"no archive {archive}; set TRICKLIFT_DATA to the folder that holds {name}.tar.gz "
            f"(it is now {str(data_folder())!r})"
        )
    _unpack(name, archive, place, progress)
    return place


def missing(name: str, root: str | Path) -> str | None:
    """What is wrong with the data set at `root/name`, None where it is whole."""
    place = Path(root) / name
    if not place.is_dir():
        return f"no data set {name!r} in {root}: {place} is not there"
    if name == MINIWORLD:
        from tricklift.miniworld import verify

        try:
            verify(place)
        except (ValueError, OSError) as error:
            return str(error)
        return None
    return _miscount(name, place)


def _miscount(name: str, folder: Path) -> str | None:
    for part, wanted in ARCHIVES[name].counts.items():
        found = sum(len(files) for _, _, files in os.walk(folder / part))
        if found != wanted:
            return f"{name} is not whole: {folder / part} holds {found} files, not {wanted}"
    return None


def _unpack(name: str, archive: Path, place: Path, progress: Progress | None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=place.parent))
    try:
        extract(archive, staging, name, progress)
        problem = _miscount(name, staging / name)
        if problem:
            raise ValueError(f"{archive}: {problem}; fetch the archive again")
        os.replace(staging / name, place)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def extract(archive: Path, into: Path, top: str, progress: Progress | None = None) -> None:
    """Unpacks a tar archive whose members all lie below the folder `top`, files and folders alone.

    Raises:
        ValueError: A member that is absolute, leaves the folder, or is a link or a device; nothing
            of it or after it is written. Or the file is no archive.
    """
    try:
        size = archive.stat().st_size
        with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:*") as tar:
            for count, member in enumerate(tar):
                _check_member(archive, member, top)
                target = into / member.name
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None  # a regular file has contents
                with source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
                if progress and count % 500 == 0:
                    progress(raw.tell(), size)
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # disk full, no permission: the system's own words
        raise ValueError(f"{archive} cannot be unpacked: {error}; fetch it again") from error


def _check_member(archive: Path, member: tarfile.TarInfo, top: str) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] != (top,):
        raise ValueError(
            f"{archive}: member {member.name!r} leaves the folder {top!r}; not unpacked"
        )
    if not (member.isfile() or member.isdir()):
        raise ValueError(f"{archive}: member {member.name!r} is a link or a device; not unpacked")
