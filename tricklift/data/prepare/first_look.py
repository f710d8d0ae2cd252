"""What is said and kept when a set has been found whole for the first time.

Checksums that are kept tell what changes later. They say nothing of what lay there before; so
each part gets a line on what its contents were compared with, if with anything.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from tricklift.data.prepare import checksums, manifest
from tricklift.data.prepare.job import Job
from tricklift.data.prepare.sets import Part


def note(job: Job, places: Mapping[str, Path], unpacked: Collection[Part]) -> None:
    """Writes the manifest and says what was compared, where there is no manifest yet.

    Args:
        job: Of the set.
        places: Folder of a part -> where it is.
        unpacked: Parts that this call unpacked from archives.
    """
    file = manifest.path_of(job.name, job.root)
    if file.exists():
        return
    for part in job.known.parts:
        job.say(f"{places[part.folder]}: {compared(job, part, places[part.folder], unpacked)}")
    try:
        manifest.write(job.name, job.root, places)
        job.say(f"checksums of up to {manifest.SAMPLED} files a part kept for later looks: {file}")
    except OSError as error:  # a copy that may only be read is as good
        job.say(f"no checksums kept for a later look: {error}")


def compared(job: Job, part: Part, place: Path, unpacked: Collection[Part]) -> str:
    """Which checksums the part's contents were compared with, as a phrase."""
    sums = part.expected.sums
    if sums is not None:
        return _with_files(sums, place)
    published = {archive.name: archive.checksum for archive in job.known.archives()}
    if part in unpacked and all(published[name] for name in part.archives):
        return "unpacked from archives that have the published checksums"
    return (
        "no checksum was compared, for none of its single files is known; looked at were counts, "
        "names and some pictures"
    )


def _with_files(sums: checksums.Sums, place: Path) -> str:
    number = len(sums.sha256)
    if sums.labels:
        return (
            f"{number} label maps have the known checksums; no checksum of its pictures was "
            "compared, for their bytes depend on who encoded them"
        )
    same = number - len(checksums.differences(sums, place))
    if same == number:
        return f"{number} files have the known checksums"
    return (
        f"{same} of {number} files that are known have the same checksum here; the others are "
        "missing or differ, as after another encoder or under other names, and no checksum tells "
        "whether they are the published data"
    )
