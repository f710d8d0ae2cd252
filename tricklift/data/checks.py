"""What the readers of data share: look at each file before training, say all that is wrong."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from tricklift.errors import BadPictureError, MissingFileError, UserError

T = TypeVar("T")

#: What may become of an item with a picture that cannot be read, or would be read wrongly.
ON_BAD_IMAGE = ("error", "skip")
#: In the place of what a check of such an item returns.
SKIPPED = object()
_SKIP = "; or on_bad_image='skip' in the dataset's config, which leaves bad images out"
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


def check_each(
    items: Sequence[T],
    check: Callable[[T], object],
    what: str,
    on_bad_image: str = "error",
    note: Callable[[str, str], None] | None = None,
) -> list[object]:
    """Run `check` on all items and raise one error that lists what it found.

    Args:
        items: What to look at.
        check: Returns something to keep, or raises a UserError.
        what: Name of the set, for the message and the progress line.
        on_bad_image: `skip` leaves items with a bad picture out; or `error`.
        note: Called with what and where of those that are left out, such as `Repairs.note`.

    Returns:
        What `check` returned, in the order of the items; `SKIPPED` for those that are left out.

    Raises:
        MissingFileError: All that is wrong is missing files.
        BadPictureError: All that is wrong is pictures.
        UserError: Anything else. Up to ten findings are listed; `findings` has all of them.
    """
    if on_bad_image not in ON_BAD_IMAGE:
        raise UserError(
            f"on_bad_image must be one of {', '.join(ON_BAD_IMAGE)}; got {on_bad_image!r}"
        )
    results: list[object] = []
    errors: list[Exception] = []
    for item in with_progress(items, what):
        try:
            results.append(check(item))
        except UserError as error:
            if isinstance(error, BadPictureError) and on_bad_image == "skip":
                results.append(SKIPPED)
                if note is not None:
                    note("bad image skipped", str(error))
            else:
                errors.append(error)
    if not errors:
        return results
    kinds: tuple[type[UserError], ...] = (MissingFileError, BadPictureError)
    kind = next((k for k in kinds if all(isinstance(e, k) for e in errors)), UserError)
    skip = _SKIP if any(isinstance(e, BadPictureError) for e in errors) else ""
    findings = tuple(str(error) for error in errors)
    if len(errors) == 1:
        raise _with(findings, kind(findings[0] + skip)) from errors[0]
    shown = "\n".join(f"  {text}" for text in findings[:_MOST_SHOWN])
    more = f"\n  and {len(errors) - _MOST_SHOWN} more" if len(errors) > _MOST_SHOWN else ""
    words = f"{what}: {len(errors)} of {len(items)} items are wrong:\n{shown}{more}"
    raise _with(findings, kind(words + skip))


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
