"""What values or colours of masks mean where they are no label ids: said, never guessed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tricklift.errors import UserError

MOST_SHOWN = 8


@dataclass(frozen=True)
class MaskValues:
    """What stands in masks -> label id, of all values that may stand there.

    Attributes:
        codes: Sorted; a colour is ``r << 16 | g << 8 | b``.
        ids: Of the same places, uint8.
        coloured: Whether the codes are colours.
    """

    codes: NDArray[np.int64]
    ids: NDArray[np.uint8]
    coloured: bool

    @classmethod
    def of(cls, given: Mapping[Any, int]) -> "MaskValues":
        """Of a config: ``{0: 0, 255: 1}``, or ``{"#000000": 0, "#ff0000": 1}``.

        A colour is ``#rrggbb``, ``"r,g,b"`` or three numbers; id 255 is ignored.

        Raises:
            UserError: Neither values nor colours, both of them, or ids outside of 0..255.
        """
        pairs = [(_code(key), value) for key, value in given.items()]
        kinds = {coloured for (_, coloured), _ in pairs}
        wrong = [v for _, v in pairs if not isinstance(v, int) or not 0 <= v <= 255]
        if len(kinds) != 1 or wrong or len({c for c, _ in pairs}) < len(pairs):
            raise UserError(
                f"mask_values takes values or colours of masks, each once, with label ids 0..255 "
                f"(255 is ignored), such as {{0: 0, 255: 1}} or {{'#000000': 0, '#ff0000': 1}}; "
                f"got {dict(given)}"
            )
        pairs.sort()
        codes = np.array([code for (code, _), _ in pairs], np.int64)
        return cls(codes, np.array([value for _, value in pairs], np.uint8), kinds.pop())

    def apply(self, codes: NDArray[Any], mask: str | Path) -> NDArray[np.uint8]:
        """Ids of a mask's values or colours `(H, W)`.

        Raises:
            UserError: A value that is not among them.
        """
        place = np.searchsorted(self.codes, codes).clip(max=len(self.codes) - 1)
        unknown = self.codes[place] != codes
        if unknown.any():
            words = shown(codes[unknown], self.coloured)
            raise UserError(
                f"{mask}: holds {words}, which mask_values does not name (it names "
                f"{shown(self.codes, self.coloured)}); add it there, with id 255 if it is to be "
                "ignored, or correct the mask"
            )
        return self.ids[place]


def _code(key: Any) -> tuple[int, bool]:
    """A value or a colour as a number, and whether it is a colour."""
    if isinstance(key, str) and re.fullmatch("#[0-9a-fA-F]{6}", key.strip()):
        return int(key.strip()[1:], 16), True
    parts = key.split(",") if isinstance(key, str) else key
    try:
        numbers = [int(part) for part in (parts if isinstance(parts, list | tuple) else [parts])]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) == 3 and all(0 <= number <= 255 for number in numbers):
        return numbers[0] << 16 | numbers[1] << 8 | numbers[2], True
    if len(numbers) == 1:
        return numbers[0], False
    raise UserError(
        f"mask_values: {key!r} is no value (0, 255), and no colour ('#ff0000', '255,0,0'); "
        "correct it"
    )


def shown(codes: NDArray[Any], coloured: bool) -> str:
    """The most frequent values or colours, as words."""
    found, counts = np.unique(codes, return_counts=True)
    first = found[np.argsort(-counts, kind="stable")][:MOST_SHOWN].tolist()
    words = [f"#{code:06x}" if coloured else f"{code:g}" for code in first]
    rest = len(found) - len(words)
    what = "the colours" if coloured else "the values"
    return f"{what} {', '.join(words)}" + (f" and {rest} more" if rest else "")
