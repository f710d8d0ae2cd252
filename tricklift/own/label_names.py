"""Names of the labels of masks, and what stands for each in them, from a list beside the data."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from tricklift.data.files import read_text
from tricklift.errors import UserError

#: The last one is CVAT's; in all text files a value or a colour may follow a name.
NAMES = ("classes.txt", "labels.txt", "class_names.txt", "classes.json", "labelmap.txt")
#: The name of what is to be ignored.
IGNORED_NAME = "ignored"
_VALUED = re.compile(
    r"(?P<name>.+?)\s*:\s*(?P<value>#[0-9a-fA-F]{6}|\d+(\s*,\s*\d+){2}|\d+)\s*(:.*)?"
)


def names_beside(root: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names in the order of the labels, and name -> its value or colour; either may be empty.

    A text file has a name a line, or ``name: 255``, ``name: 255,0,0``, ``name: #ff0000`` in each.

    Raises:
        UserError: No JSON list of names, some lines with a value and some without, or one name
            twice.
    """
    for file in (root / name for name in NAMES):
        if file.is_file():
            return _read(file)
    return (), {}


def values_of(
    names: tuple[str, ...], values: dict[str, str], classes: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Classes, and what stands in masks -> label, where a list says it.

    Args:
        names: See `names_beside`.
        values: See `names_beside`; not empty.
        classes: Those to take; empty: all. Others are ignored, as the name `ignored` is.

    Raises:
        UserError: A class that the list does not have.
    """
    chosen = tuple(classes) or tuple(name for name in names if name != IGNORED_NAME)
    unknown = [name for name in chosen if name not in values]
    if unknown:
        raise UserError(f"no class {unknown[0]!r}; the masks have {', '.join(names)}")
    labels = {name: label for label, name in enumerate(chosen)}
    return chosen, {value: labels.get(name, 255) for name, value in values.items()}


def _read(file: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    text = read_text(file)
    if file.suffix == ".json":
        try:
            held = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{file}: no JSON ({error}); write a list of names") from error
        if not isinstance(held, list) or not all(isinstance(word, str) for word in held):
            raise UserError(f"{file}: write a JSON list of names, in the order of the labels")
        return tuple(held), {}
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("# ")]
    found = [_VALUED.fullmatch(line) for line in lines]
    if not any(found):
        return tuple(lines), {}
    bare = [line for line, match in zip(lines, found, strict=True) if match is None]
    if bare:
        raise UserError(
            f"{file}: {bare[0]!r} has no value or colour, and other lines have; write `name: 255`, "
            "`name: 255,0,0` or `name: #ff0000` in each line"
        )
    pairs = [(match["name"], match["value"]) for match in found if match]
    if len(dict(pairs)) < len(pairs):
        raise UserError(f"{file}: a name stands there twice; write each once")
    return tuple(name for name, _ in pairs), dict(pairs)
