"""Every trick: for what, and what its file says."""

import ast

from tricklift.markdown import grid
from tricklift.tricks import names

PAGE = "reference/tricks.md"
TOP = """# Tricks

Written by `python docs/write` from the files in `configs/_base_/tricks`; `tricklift list tricks`
prints the same, shorter. How one of your own is written: [Your trick](../your-trick.md)."""


def text() -> str:
    """The page."""
    lines = []
    for name in names.ORDER:
        told = ast.get_docstring(ast.parse(names.trick_file(name).read_text(encoding="utf-8")))
        tasks = ", ".join(names.tasks_of(name))
        lines.append([f"`{name}`", tasks, " ".join((told or "").split())])
    for group, members in names.GROUPS.items():
        all_of = "All of " + ", ".join(f"`{member}`" for member in members) + "."
        lines.append([f"`{group}`", ", ".join(names.tasks_of(group)), all_of])
    return f"{TOP}\n\n{grid(['trick', 'for', 'what it does'], lines)}\n"
