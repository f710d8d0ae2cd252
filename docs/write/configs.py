"""Every provided config by its short name, with the first line of its file."""

import ast
from itertools import groupby

from tricklift.configs import find_config, short_names
from tricklift.markdown import grid, paragraphs

PAGE = "reference/configs.md"
TASKS = {"cls": "Classification", "det": "Detection", "seg": "Segmentation"}
TOP = """# Configs

Written by `python docs/write` from the configs; `tricklift list configs` prints the names,
`tricklift config show NAME` the whole of one with all that it inherits, and
`tricklift config path NAME` its file, for `mim`."""


def text() -> str:
    """The page."""
    parts = [TOP]
    for (task, tier), found in groupby(short_names(), lambda name: tuple(name.split("/")[:2])):
        lines = [[f"`{name}`", first_line(name)] for name in found]
        parts += [f"## {TASKS[task]}: {tier}", grid(["name", "what"], lines)]
    return paragraphs(parts) + "\n"


def first_line(name: str) -> str:
    """What a config's file says of itself in its first line."""
    told = ast.get_docstring(ast.parse(find_config(name).read_text(encoding="utf-8")))
    return (told or "").partition("\n")[0]
