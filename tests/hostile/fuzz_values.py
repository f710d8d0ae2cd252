"""Odd values, and whole files with some bytes changed: what random files are made of."""

from typing import Any

from hypothesis import strategies as st

ODD_NUMBERS = (0, -1, 1, 0.5, 2**31, 2**63, -(2**63), 10**40, 1e308, float("inf"), float("nan"))
ODD_WORDS = (
    *("", " ", ".", "..", "../..", "/etc/passwd", "a/../../b", "\0", "\x1b[31m", "\u202e", "é"),
    *(
        "nan",
        "inf",
        "-1",
        "1e999",
        "0x10",
        "<b>",
        "&amp;",
        "%s",
        "{0}",
        "a" * 300,
        "\ud7ff",
        "None",
    ),
)
words = st.sampled_from(ODD_WORDS) | st.text(max_size=12)
numbers = st.sampled_from(ODD_NUMBERS) | st.integers() | st.floats()
scalars = st.none() | st.booleans() | numbers | words
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def changed(draw: Any, whole: bytes) -> bytes:
    """A whole file with a few places overwritten, cut out, doubled or cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        end = min(len(data), place + draw(st.integers(0, 16)))
        kind = draw(st.sampled_from(("overwrite", "remove", "repeat", "end")))
        if kind == "overwrite":
            data[place:end] = draw(st.binary(max_size=16))
        elif kind == "remove":
            del data[place:end]
        elif kind == "repeat":
            data[place:place] = data[place:end] * draw(st.integers(1, 50))
        else:
            del data[place:]
    return bytes(data)
