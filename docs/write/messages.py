"""Every message of a user's error that stands in the code, with its remedy."""

import ast
import html
import re
from collections.abc import Iterator
from pathlib import Path

from tricklift.markdown import grid, paragraphs

PAGE = "troubleshooting.md"
MARK = "messages"
ROOT = Path(__file__).resolve().parent.parent.parent
RAISED = ("UserError", "ListedError", "MissingFileError", "DownloadError")
#: Heading -> the folders and files whose messages stand below it; the first that fits takes one.
PLACES = {
    "Commands and options": ("tricklift/cli", "tricklift/configs.py", "tricklift/config_keys.py"),
    "Networks, checkpoints and exports": ("backbones",),
    "Pictures and class folders": ("cls", "tricklift/data/checks.py", "tricklift/data/files.py"),
    "Boxes": ("det",),
    "Masks": ("seg",),
    "Preparing data sets": ("tricklift/data",),
    "Data of your own": ("tricklift/own",),
    "Tricks": ("tricklift/tricks", "configs"),
    "Training, resuming and testing": ("tricklift/train.py", "tricklift/compat"),
    "Tiers, runs and engines": ("tricklift/suite",),
    "Results and tables": ("tricklift",),
}


def text() -> str:
    """The part of the page that lists them."""
    found: dict[str, dict[str, list[str]]] = {place: {} for place in PLACES}
    files = [
        file
        for top in ("backbones", "cls", "det", "seg", "tricklift", "configs")
        for file in sorted((ROOT / top).rglob("*.py"))
    ]
    for file in files:
        where = file.relative_to(ROOT).as_posix()
        place = next(p for p, tops in PLACES.items() if where.startswith(tops))
        for message in messages(file):
            says, _, remedy = message.partition("; ")
            found[place].setdefault(message, [says, remedy or "(said in the message)"])
    total = sum(map(len, found.values()))
    parts = [f"{total} messages; *name* stands for what was given or found."]
    for place, lines in found.items():
        shown = [[escaped(text) for text in line] for line in lines.values()]
        parts += [f"### {place}", grid(["message", "what to do"], shown)]
    return paragraphs(parts) + "\n"


def messages(file: Path) -> Iterator[str]:
    """What the errors of a file say, in the order of its lines."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in RAISED and node.args:
            told = " ".join(spoken(node.args[0]).split())
            if re.search(r"\w{3} \w", re.sub(r"\x01.*?\x02", "", told)):  # words, not only names
                yield told


def spoken(node: ast.expr) -> str:
    """A message as written, values as their names between two control characters."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(spoken, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return spoken(node.left) + spoken(node.right)
    if isinstance(node, ast.IfExp):
        return spoken(node.body)
    return f"\x01{value_name(node)}\x02"


def value_name(node: ast.expr) -> str:
    """A word for a value in a message: the last name in it."""
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    if isinstance(inner, ast.Call) and inner.args:
        inner = inner.args[0]
    found = [
        n.attr if isinstance(n, ast.Attribute) else n.id
        for n in ast.walk(inner)
        if isinstance(n, ast.Attribute | ast.Name)
    ]
    return found[0].strip("_").replace("_", " ") if found else "value"


def escaped(told: str) -> str:
    """Words for a cell: values in italics, no markup beside."""
    plain = html.escape(told, quote=False)
    plain = re.sub(r"([*_`\[\]])", r"\\\1", plain)
    return plain.replace("\x01", "*").replace("\x02", "*")
