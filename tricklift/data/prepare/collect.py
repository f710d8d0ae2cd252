"""The archives of a set, all of them at hand and checked: found, downloaded, or asked for."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.filesize import decimal as in_words

from tricklift.data.prepare.download import check, download
from tricklift.data.prepare.job import Job
from tricklift.data.prepare.published import Archive
from tricklift.data.prepare.sets import Part
from tricklift.data.prepare.unpack import unpacked_size
from tricklift.errors import DownloadError, MissingFileError, UserError


def collect(job: Job, parts: Sequence[Part]) -> dict[str, Path]:
    """Paths of all archives that these parts need, by name.

    Raises:
        MissingFileError: Some can only be fetched by the user; says which, from where.
        DownloadError: Some could not be downloaded; says what to fetch by hand.
        UserError: One is not the published archive, or there is too little space.
    """
    unpacked = {name for part in parts for name in part.archives}
    names = unpacked | {name for part in parts for name in part.label_archives}
    wanted = [archive for archive in job.known.archives() if archive.name in names]
    found = {archive.name: path for archive in wanted if (path := job.find(archive.name))}
    absent = [archive for archive in wanted if archive.name not in found]
    if job.source and absent == wanted:
        raise MissingFileError(_nothing_in(job, parts, wanted))
    by_hand = [archive for archive in absent if archive.url is None]
    if by_hand:
        raise MissingFileError(_ask_for(job, by_hand))
    downloads = sum(archive.size or 0 for archive in absent)
    contents = sum(
        unpacked_size(found[archive.name]) if archive.name in found else archive.size or 0
        for archive in wanted
        if archive.name in unpacked
    )
    _need_space(job, downloads + contents)
    for archive in wanted:
        if archive.name in found and found[archive.name].is_file():
            job.say(f"checking {found[archive.name]}")
            check(archive, found[archive.name], job.progress)
    return {**found, **_download(job, absent)}


def _need_space(job: Job, needed: int) -> None:
    """Refuses where `needed` bytes do not fit on the disk of the root, which need not exist yet."""
    folder = next(place for place in (job.root, *job.root.resolve().parents) if place.exists())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{job.name} needs {in_words(needed)}, and {in_words(free)} are free on the disk of "
            f"{folder.resolve()}; make room, or give another --root"
        )


def _download(job: Job, archives: Sequence[Archive]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for archive in archives:
        size = f", {in_words(archive.size)}" if archive.size else ""
        terms = f"{job.known.terms}; " if job.known.terms else ""
        job.say(f"downloading {archive.url}{size} (terms: {terms}{job.known.page})")
        try:
            paths[archive.name] = download(archive, job.archive_dir, job.progress)
        except DownloadError as error:
            left = " and ".join(str(a.url) for a in archives if a.name not in paths)
            raise DownloadError(
                f"{error}. Without a network: fetch {left} elsewhere, put that into "
                f"{job.archive_dir} (or any folder, then give --from), and run this command again"
            ) from None
    return paths


def _ask_for(job: Job, archives: Sequence[Archive]) -> str:
    """What a person must fetch, from where, and where to put it."""
    terms = f" (terms: {job.known.terms})" if job.known.terms else ""
    if job.known.layout:
        name = archives[0].name
        return (
            f"no archive {name} in {job.archive_dir} or TRICKLIFT_DATA "
            f"({os.environ.get('TRICKLIFT_DATA') or 'not set'}); "
            f"fetch the data from {job.known.page}{terms}, bring them into the layout "
            f"{job.known.layout}, and give the folder that holds this, or such "
            "an archive, as --from"
        )
    if archives[0].unpacked:
        return (
            f"{job.name} is not downloaded by this command{terms}: fetch {job.known.page} as a "
            f"clone ({archives[0].unpacked}) or as {archives[0].name}, put that into "
            f"{job.archive_dir} (or any folder, then give --from), and run this command again"
        )
    files = ", ".join(f"{a.name} ({in_words(a.size)})" if a.size else a.name for a in archives)
    return (
        f"{job.name} cannot be downloaded without a login{terms}: fetch {files} from "
        f"{job.known.page}, put that into {job.archive_dir} (or any folder, then give --from), "
        "and run this command again"
    )


def _nothing_in(job: Job, parts: Sequence[Part], archives: Sequence[Archive]) -> str:
    folders = ", ".join(part.folder or Path(job.known.folder).name for part in parts)
    return (
        f"nothing of {job.name} in {job.source}: neither an unpacked copy ({folders}) nor one of "
        f"its archives ({', '.join(archive.name for archive in archives)})"
    )
