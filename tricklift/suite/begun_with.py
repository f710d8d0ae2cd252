"""What a run was begun with, as a digest in its result: the same digest says that nothing changed.

To compare configs they have to be read, which takes a quarter of a second each. Where the job, the
files that it starts from and all code that makes its config are the very ones, there is no need.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tricklift.configs import short_name
from tricklift.paths import config_root
from tricklift.records.schema import BEGUN_WITH

if TYPE_CHECKING:
    from tricklift.suite.jobs import Training

#: Their configs are among the bases of ours.
LIBRARIES = ("mmengine", "mmdet", "mmsegmentation")
#: Of a training, what its config is made of.
PARTS = ("config", "seed", "backbone", "pretrained", "options", "tricks", "teacher", "imports")


def digest(job: "Training") -> str | None:
    """sha256 (hex) of what a job is begun with now; None for a config of one's own.

    Such a config may read any file, and nobody can say which.
    """
    if Path(job.config).is_file() and short_name(job.config) is None:
        return None
    told = {key: getattr(job, key) for key in PARTS}
    given = [
        job.pretrained,
        job.teacher,
        *job.tricks,
        *job.imports,
        *(option.partition("=")[2] for option in job.options),
    ]
    held = [told, [_stamp(Path(text)) for text in given if text], _code(), _environment()]
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()


def announce(job: "Training") -> None:
    """Let the run that this process becomes note it in its result."""
    os.environ.pop(BEGUN_WITH, None)
    if found := digest(job):
        os.environ[BEGUN_WITH] = found


def _stamp(file: Path) -> list[int] | None:
    """Size and time of a file, None where there is none."""
    try:
        held = file.stat()
    except (OSError, ValueError):
        return None
    return [held.st_size, held.st_mtime_ns]


def _environment() -> str | None:
    return os.environ.get("TRICKLIFT_EXPORTS")


@cache
def _code() -> str:
    """A digest of names, sizes and times of the configs and of the package, and of versions."""
    stamps = [*_stamps(config_root()), *_stamps(Path(__file__).parents[1])]
    held = [stamps, [version(name) for name in LIBRARIES]]
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()


def _stamps(folder: Path) -> Iterator[object]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".py"):
                file = Path(place) / name
                yield [str(file.relative_to(folder)), _stamp(file)]
