"""What the readers of data share: look at files before training, and say what is wrong with them.

Everything here runs when a dataset is built, so it reads headers and ends of files, not pixels.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log
from PIL import Image, UnidentifiedImageError

from tricklift.errors import MissingFileError, UserError

T = TypeVar("T")

_ORIENTATION = 0x0112  # the EXIF tag; 5 to 8 mean that a reader turns the picture by 90 degrees
_JPEG_END = b"\xff\xd9"
_QUIET_SECONDS = 3.0
_MOST_SHOWN = 10


def require(path: str | Path, what: str, prepare: str) -> Path:
    """The path itself, if it exists.

    Args:
        path: A folder or file of a data set.
        what: What it is, for the message: ``image folder``, ``list of images``.
        prepare: Name for ``tricklift prepare NAME``, or a sentence on where the data come from.

    Raises:
        MissingFileError: It does not exist; the message says how to get it.
    """
    path = Path(path)
    if path.exists():
        return path
    remedy = prepare
    if " " not in prepare:
        remedy = f"get it with `tricklift prepare {prepare} --root DIR` and set TRICKLIFT_ROOT=DIR"
    root = os.environ.get("TRICKLIFT_ROOT", "unset, so 'data' in the current folder")
    raise MissingFileError(
        f"no {what} {str(path.absolute())!r}; {remedy} (TRICKLIFT_ROOT is {root})"
    )


def image_header(path: str | Path) -> tuple[int, int, str]:
    """Width, height and mode of an image file, from its header, as OpenCV will turn it.

    A JPEG whose end is missing is decoded in full to find out whether it is cut off.

    Args:
        path: The file.

    Returns:
        Width and height in pixels after EXIF rotation, and Pillow's mode (``RGB``, ``L``, ...).

    Raises:
        MissingFileError: There is no such file.
        UserError: It cannot be read as an image, or is cut off.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such image")
    try:
        with Image.open(path) as image:
            width, height = image.size
            mode = image.mode
            if image.format == "JPEG":
                if image.getexif().get(_ORIENTATION, 1) >= 5:
                    width, height = height, width
                if not _ends_as_jpeg(path):
                    image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as an image ({error}); fetch or write the file again"
        ) from error
    return width, height, mode


def is_turned(path: str | Path) -> bool:
    """Whether a picture's EXIF data turn it by 90 degrees, so that readers swap its sides."""
    with Image.open(path) as image:
        return image.format == "JPEG" and image.getexif().get(_ORIENTATION, 1) >= 5


def _ends_as_jpeg(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64))
        return _JPEG_END in file.read()


def check_each(items: Sequence[T], check: Callable[[T], object], what: str) -> list[object]:
    """Run `check` on all items and raise one error that lists what it found.

    Args:
        items: What to look at.
        check: Returns something to keep, or raises ValueError or FileNotFoundError.
        what: Name of the set, for the message and the progress line.

    Returns:
        What `check` returned, in the order of the items.

    Raises:
        MissingFileError: All that is wrong is missing files.
        UserError: Anything else. Up to ten findings are listed; `findings` has all of them.
    """
    results: list[object] = []
    errors: list[Exception] = []
    for item in with_progress(items, what):
        try:
            results.append(check(item))
        except UserError as error:
            errors.append(error)
    if not errors:
        return results
    kind = MissingFileError if all(isinstance(e, MissingFileError) for e in errors) else UserError
    findings = tuple(str(error) for error in errors)
    if len(errors) == 1:
        raise _with(findings, kind(findings[0])) from errors[0]
    shown = "\n".join(f"  {text}" for text in findings[:_MOST_SHOWN])
    more = f"\n  and {len(errors) - _MOST_SHOWN} more" if len(errors) > _MOST_SHOWN else ""
    words = f"{what}: {len(errors)} of {len(items)} items are wrong:\n{shown}{more}"
    raise _with(findings, kind(words))


def _with(findings: tuple[str, ...], error: UserError) -> UserError:
    error.findings = findings
    return error


def on_first_rank(look: Callable[[], T]) -> T:
    """What `look` finds, looked for by rank 0 alone and handed to all other processes.

    All processes of a run call this at the same place, as they do when they build their data sets.

    Raises:
        Exception: What `look` raised, on all of them.
    """
    found: list[Any] = [None, None]
    if is_main_process():
        try:
            found[0] = look()
        except UserError as error:
            found[1] = error
        except Exception as error:  # the others must not wait for an answer that never comes
            broadcast_object_list([None, RuntimeError(f"rank 0 failed: {error!r}")])
            raise
    broadcast_object_list(found)
    if found[1] is not None:
        raise found[1]
    result: T = found[0]
    return result


def with_progress(items: Sequence[T], what: str, doing: str = "checking") -> Iterator[T]:
    """The items; if going through them takes over 3 s, a line every 3 s says how far it is."""
    last = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - last > _QUIET_SECONDS:
            last = time.monotonic()
            print_log(f"{doing} {what}: {done} of {len(items)}", logger="current")
        yield item


def spread(items: Sequence[T], at_most: int) -> list[T]:
    """At most `at_most` of the items, evenly spread from the first to the last."""
    if len(items) <= at_most:
        return list(items)
    step = (len(items) - 1) / max(1, at_most - 1)
    return [items[round(i * step)] for i in range(at_most)]
