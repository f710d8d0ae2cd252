"""The way of a real data set to its place.

A part (VOC2007, ImageNet's train, ...) is either whole at its place or not there: it is unpacked
beside its place, checked, then renamed. A part that is there already is checked and left alone.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tricklift.data.prepare import manifest, verify
from tricklift.data.prepare.collect import collect
from tricklift.data.prepare.job import Job
from tricklift.data.prepare.sets import DataSet, Part
from tricklift.data.prepare.unpack import unpack
from tricklift.errors import UserError
from tricklift.records import lock
from tricklift.records.atomic import write_text


def missing(name: str, known: DataSet, root: Path) -> str | None:
    """What is wrong with the set below `root` and what to remove, None where it is whole."""
    places = {part.folder: root / known.folder / part.folder for part in known.parts}
    for part in known.parts:
        if not places[part.folder].is_dir():
            return f"no data set {name!r} in {root}: {places[part.folder]} is not there"
    for part in known.parts:
        if problem := _flaw(name, part, places[part.folder]):
            return problem
    difference = manifest.changed(name, root, places)
    return f"{name} has changed: {difference}; remove {root / known.folder}" if difference else None


def arrange(job: Job) -> Path:
    """Puts the parts that are not there in place, checks those that are; returns the folder.

    Raises:
        UserError: A part that is there and not whole; archives that are not the published ones,
            are broken, or have members that they must not have; too little space.
        MissingFileError: Archives that nobody but the user can fetch; says which, from where.
        DownloadError: Nothing could be downloaded; says what to fetch by hand.
    """
    unpacked: list[Part] = []
    absent = [part for part in job.known.parts if _is_absent(job.place_of(part))]
    if absent:
        for part in job.known.parts:  # before hours go into those that are not there
            if part not in absent and (problem := _flaw(job.name, part, job.place_of(part))):
                raise UserError(f"{problem} and prepare it again")
        file = job.root / ".tricklift" / f"{job.name}.lock"
        with lock.alone(file, f"prepares {job.name} in {job.root}"):
            unpacked = [job.form(part) for part in absent if not _link(job, part)]
            archives = collect(job, unpacked) if unpacked else {}
            for part in unpacked:
                _put(job, part, archives)
            manifest.path_of(job.name, job.root).unlink(missing_ok=True)  # of what was there before
    job.say(f"checking {job.place}")
    if problem := missing(job.name, job.known, job.root):
        raise UserError(f"{problem} and prepare it again")
    manifest.note(job, unpacked)
    return job.place


def _flaw(name: str, part: Part, place: Path) -> str | None:
    problem = verify.problem(part.expected, place)
    return f"{name} is not whole: {problem}; remove {place}" if problem else None


def _is_absent(place: Path) -> bool:
    """Whether there is nothing, or an empty folder."""
    if place.is_symlink() and not place.exists():
        raise UserError(f"{place} is a link to {os.readlink(place)}, which is gone; remove it")
    return not place.exists() or (place.is_dir() and not any(place.iterdir()))


def _link(job: Job, part: Part) -> bool:
    """Links to an unpacked copy of the part in `job.source`, if there is one."""
    if job.source is None or job.source.name in {a.unpacked for a in job.known.archives()}:
        return False  # what is there has yet to be brought into our layout
    for top in (job.known.folder, Path(job.known.folder).name, ""):
        copy = job.source / top / part.folder
        if not _looks_like(part, copy):
            continue
        if problem := verify.problem(part.expected, copy):
            raise UserError(
                f"{job.name} in {job.source} is not whole: {problem}; "
                "copy it again, or leave --from out"
            )
        place = job.place_of(part)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            place.rmdir()  # empty, or it would not be absent
        place.symlink_to(copy.resolve(), target_is_directory=True)
        job.say(f"linked {place} to {copy.resolve()}")
        return True
    return False


def _looks_like(part: Part, folder: Path) -> bool:
    """Whether the folder is meant to be a copy of the part: by its own name, or by its contents."""
    inside = [name for name in part.expected.counts if name]
    if inside:
        return any((folder / name).is_dir() for name in inside)
    if part.folder or not folder.is_dir():
        return folder.is_dir()
    names = os.listdir(folder)
    return any(n.lower().endswith(verify.PICTURES) for n in names) and not any(
        archive in names for archive in part.archives
    )


def _put(job: Job, part: Part, archives: Mapping[str, Path]) -> None:
    """Unpacks a part beside its place, checks it, and renames it."""
    place = job.place_of(part)
    labels = part.labels(archives) if part.labels else {}
    nested = {archive.name: archive.nested for archive in job.known.archives()}
    with _staging(place) as staging:
        for name in part.archives:
            job.say(f"unpacking {archives[name]}")
            unpack(
                archives[name],
                staging,
                lambda member: part.target(member, labels),
                nested[name],
                job.progress,
            )
        for path, text in part.written().items():
            write_text(staging / path, text)
        if problem := verify.problem(part.expected, staging):
            sources = " and ".join(str(archives[name]) for name in part.archives)
            raise UserError(
                f"{sources}: {problem.replace(str(staging), place.name)}; fetch it again"
            )
        os.replace(staging, place)


@contextmanager
def _staging(place: Path) -> Iterator[Path]:
    """An empty folder beside `place`, gone again when the block ends however it ends."""
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = place.parent / f".{place.name}.partial"
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
