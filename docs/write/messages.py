"""Every message of a user's error that stands in the code, with its remedy."""

import ast
import html
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tricklift.markdown import grid, paragraphs

PAGE = "troubleshooting.md"
MARK = "messages"
ROOT = Path(__file__).resolve().parent.parent.parent
RAISED = ("UserError", "ListedError", "MissingFileError", "DownloadError")
#: Letters of a text that stands in the place of a value.
MOST = 300
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
            found[place].setdefault(message, list(parted(message)))
    total = sum(map(len, found.values()))
    parts = [f"{total} messages; *name* stands for what was given or found."]
    for place, lines in found.items():
        shown = [[escaped(text) for text in line] for line in lines.values()]
        parts += [f"### {place}", grid(["message", "what to do"], shown)]
    return paragraphs(parts) + "\n"


def messages(file: Path) -> Iterator[str]:
    """What the errors of a file say, in the order of its lines."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    words = Words(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in RAISED and node.args:
            told = " ".join(words.spoken(node.args[0], words.locals.get(node, {})).split())
            if re.search(r"\w{3} \w", re.sub(r"\x01.*?\x02", "", told)):  # words, not only names
                yield told


def parted(message: str) -> tuple[str, str]:
    """What a message says, and what is to be done: behind its `; `, or a sentence of its own."""
    for end in ("; ", ". ", "? "):
        for found in re.finditer(re.escape(end), message):
            says, remedy = message[: found.start()], message[found.end() :]
            if says.count("(") == says.count(")"):  # not inside of brackets
                return says + end.strip(" ;."), remedy
    return message, "(said in the message)"


class Words:
    """The text of the values of a file, as far as it stands in the code.

    Args:
        tree: Of the file.

    Attributes:
        constants: Names of the file, also those that it imports from us -> what they are set to.
        locals: Call -> the names of the function around it -> all that they are set to there.
        returned: Function of the file -> all that it returns.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.constants = assigned(tree.body)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                found = of_module(node.module)
                for name in node.names:
                    if name.name in found:
                        self.constants[name.asname or name.name] = found[name.name]
        self.locals: dict[ast.AST, dict[str, list[ast.expr]]] = {}
        self.returned: dict[str, list[ast.expr]] = {}
        for function in ast.walk(tree):  # an inner one comes after the one around it
            if isinstance(function, ast.FunctionDef):
                inside = list(ast.walk(function))
                names = assigned(inside)
                self.locals.update({n: names for n in inside if isinstance(n, ast.Call)})
                given = [n.value for n in inside if isinstance(n, ast.Return) and n.value]
                self.returned[function.name] = given

    def spoken(self, node: ast.expr, names: dict[str, list[ast.expr]]) -> str:
        """A message as written, values as their names between two control characters.

        Args:
            node: The message, or a part of it.
            names: Values of the function around it that may have a text.
        """
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(self.spoken(part, names) for part in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self.spoken(node.left, names) + self.spoken(node.right, names)
        if isinstance(node, ast.IfExp):
            return self.spoken(node.body, names)
        inner = node.value if isinstance(node, ast.FormattedValue) else node
        return self.held(inner, names) or f"\x01{value_name(node)}\x02"

    def held(self, node: ast.expr, names: dict[str, list[ast.expr]]) -> str:
        """The texts that a value can have, `/` between them; '' where they are no sentences."""
        found: list[ast.expr] = []
        if isinstance(node, ast.Name):
            found = names.get(node.id) or self.constants.get(node.id, [])
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            for held in self.constants.get(node.value.id, []):
                found += held.values if isinstance(held, ast.Dict) else [node]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found = self.returned.get(node.func.id, [])
        texts = [one for value in found for one in branches(value)]
        if not texts or not all(isinstance(one, ast.Constant | ast.JoinedStr) for one in texts):
            return ""
        less = {name: held for name, held in names.items() if held is not found}  # ends it
        told = dict.fromkeys(self.spoken(one, less) for one in texts)
        if len(told) == 1 and isinstance(texts[0], ast.Constant):
            return str(texts[0].value)  # a name, such as that of a file
        several = [text for text in told if text]
        joined = several[0] if len(several) == 1 else " / ".join(map(str.strip, several))
        whole = all(re.search(r"\w{3,} \S+ ", text) for text in several)
        return joined if whole and "; " not in joined and len(joined) < MOST else ""


def branches(node: ast.expr) -> list[ast.expr]:
    """The values that an expression can have by its conditions."""
    if isinstance(node, ast.IfExp):
        return branches(node.body) + branches(node.orelse)
    return [node]


def assigned(nodes: Sequence[ast.AST]) -> dict[str, list[ast.expr]]:
    """Name -> all that it is set to by one of these statements; none that is changed in place."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.pop(node.target.id, None)
    return found


@cache
def of_module(name: str) -> dict[str, list[ast.expr]]:
    """`assigned` of a module of ours; of another one nothing."""
    place = ROOT.joinpath(*name.split("."))
    files = [place.with_suffix(".py"), place / "__init__.py"]
    file = next((one for one in files if one.is_file()), None)
    return assigned(ast.parse(file.read_text(encoding="utf-8")).body) if file else {}


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
