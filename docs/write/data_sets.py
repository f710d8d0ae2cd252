"""Every data set that `tricklift prepare` knows."""

from tricklift.data.prepare.sets import SETS
from tricklift.markdown import grid

PAGE = "reference/data-sets.md"
TOP = """# Data sets

Written by `python docs/write` from `tricklift/data/prepare/sets.py`; `tricklift list datasets`
prints the names, and `tricklift prepare NAME` puts one in place. Data of your own need no such
entry: [Your data](../your-data.md)."""


def text() -> str:
    """The page."""
    lines = [
        [f"`{name}`", held.title, held.about, held.terms or "see its page", held.page]
        for name, held in SETS.items()
    ]
    return f"{TOP}\n\n{grid(['name', 'called', 'what', 'terms', 'page'], lines)}\n"
