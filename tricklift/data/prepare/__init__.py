"""Getting the data of a tier in place: `tricklift prepare NAME --root DIR`.

`sets` says what the sets are, `published` what is known of their archives; `arrange` leads the
way: `collect` (with `download`), `unpack` (with `layouts`), `verify` (with `checksums`) and
`manifest`.
"""

from collections.abc import Callable
from pathlib import Path

from tricklift.data.prepare import arrange as _arrange
from tricklift.data.prepare.job import Job
from tricklift.data.prepare.sets import SETS
from tricklift.data.prepare.unpack import Progress
from tricklift.errors import MissingFileError, UserError, did_you_mean
from tricklift.records.machine import cores

__all__ = ["MINIWORLD", "NAMES", "SETS", "Progress", "about", "missing", "prepare"]

MINIWORLD = "miniworld"
NAMES = (MINIWORLD, *SETS)


def prepare(
    name: str,
    root: str | Path,
    progress: Progress | None = None,
    *,
    source: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Puts a data set in place below `root`, unless it is there already; returns its folder.

    Args:
        name: One of `NAMES`.
        root: The folder that holds all sets.
        progress: Gets units done and units in all of the present step.
        source: A folder with archives, or with an unpacked copy, to which a link is made.
        say: Gets a line at each step.

    Raises:
        UserError: Unknown name, or see `tricklift.data.prepare.arrange.arrange`.
    """
    if name not in NAMES:
        hint = did_you_mean(name, NAMES)
        raise UserError(f"unknown data set {name!r}; known: {', '.join(NAMES)}{hint}")
    if source is not None and not Path(source).is_dir():
        raise MissingFileError(f"no folder {source}; --from takes one with archives or a copy")
    if name != MINIWORLD:
        given = Path(source) if source is not None else None
        return _arrange.arrange(Job(name, SETS[name], Path(root), given, say, progress))
    if source is not None:
        raise UserError("miniworld is generated, not fetched; leave out --from")
    from tricklift.data.miniworld import generate, verify

    place = Path(root) / MINIWORLD
    if generate(place, workers=cores(), progress=progress).reused:
        say(f"checking {place}")
        verify(place)
    return place


def about() -> list[dict[str, str]]:
    """What there is to say of each set: name, title, folder below the root, about, page, terms."""
    generated = "a generated world of shapes: classification, detection and segmentation, 30 MB"
    told = {"title": "MiniWorld", "folder": MINIWORLD, "about": generated, "page": "", "terms": ""}
    keys = tuple(told)
    return [
        {"name": MINIWORLD, **told},
        *({"name": name, **{key: getattr(one, key) for key in keys}} for name, one in SETS.items()),
    ]


def missing(name: str, root: str | Path) -> str | None:
    """What is wrong with the data set below `root`, None where it is whole."""
    if name != MINIWORLD:
        return _arrange.missing(name, SETS[name], Path(root))
    place = Path(root) / name
    if not place.is_dir():
        return f"no data set {name!r} in {root}: {place} is not there"
    from tricklift.data.miniworld import verify

    try:
        verify(place)
    except (ValueError, OSError) as error:
        return str(error)
    return None
