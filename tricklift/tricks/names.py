"""Which tricks there are, by name: their order, their groups, and the tasks that each is for."""

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tricklift.errors import MissingFileError, UserError, did_you_mean
from tricklift.paths import config_root

#: Tricks build on one another in this order, whatever order a config names them in.
ORDER = (
    "resnet_b",
    "resnet_c",
    "resnet_d",
    "se",
    "deformable",
    "xavier_init",
    "kaiming_init",
    "linear_scaling",
    "zero_gamma",
    "no_bias_decay",
    "mixed_precision",
    "gradient_clipping",
    "mixup",
    "warmup",
    "cosine",
    "label_smoothing",
    "distillation",
    "iou_loss",
    "giou_loss",
    "diou_loss",
    "ciou_loss",
    "focal_loss",
    "iou_aware",
    "ema",
    "early_stopping",
)
#: Tricks that go together under one name.
GROUPS = {
    # Table 4, from top to bottom: what "Efficient" is in Tables 3 and 5 to 9.
    "efficient": (
        "linear_scaling",
        "warmup",
        "zero_gamma",
        "no_bias_decay",
        "mixed_precision",
    ),
}
#: Where a trick of one's own is laid, unless it says `after = "NAME"` of one of ours: what follows
#: (warmup, cosine, smoothing, ...) builds on the lengths and rates that it sets.
AFTER = "mixup"
#: Tasks as a message names them.
TASKS = {"cls": "classification", "det": "detection", "seg": "segmentation"}


def known() -> list[str]:
    """Names of all tricks, in the order in which they are laid over a config."""
    return list(ORDER)


def described() -> list[tuple[str, tuple[str, ...], str]]:
    """Name, tasks and first sentence of each trick's file, in the order of `ORDER`; then groups."""
    found = []
    for name in ORDER:
        text = ast.get_docstring(ast.parse(trick_file(name).read_text())) or ""
        sentence = re.split(r"\.(?:\s|$)", text, maxsplit=1)[0]
        found.append((name, tasks_in(trick_file(name)), " ".join(sentence.split())))
    for group, names in GROUPS.items():
        found.append((group, tasks_of(group), f"All of {', '.join(names)}"))
    return found


def is_file(name: str) -> bool:
    """Whether a trick is named by its file: one of one's own."""
    return name.endswith(".py")


def trick_name(name: str) -> str:
    """What a trick is called in rows and results: the file's name without its ending."""
    return Path(name).stem if is_file(name) else name


def place(name: str) -> tuple[int, bool]:
    """Sorts tricks into the order in which they are laid.

    Raises:
        UserError: A file's `after` is none of ours.
    """
    if not is_file(name):
        return ORDER.index(name), False
    after = declared(trick_file(name), "after", AFTER)
    if after not in ORDER:
        hint = did_you_mean(str(after), ORDER)
        raise UserError(f"{name}: after = {after!r} is no trick; known: {', '.join(ORDER)}{hint}")
    return ORDER.index(after), True


def members(names: Sequence[str]) -> list[str]:
    """The tricks that names of tricks and of groups stand for; unknown names stay."""
    return [trick for name in names for trick in GROUPS.get(name, (name,))]


def tasks_of(name: str) -> tuple[str, ...]:
    """The tasks that a trick, or a group as a whole, is for."""
    allowed = [tasks_in(trick_file(trick)) for trick in members([name])]
    return tuple(task for task in TASKS if all(task in some for some in allowed))


def tasks_in(file: Path) -> tuple[str, ...]:
    """The tasks that a trick's file names, read before it runs on a config of another task.

    Raises:
        UserError: It names something else, or cannot be read.
    """
    found = declared(file, "tasks", tuple(TASKS))
    tasks = (found,) if isinstance(found, str) else tuple(found)
    if not tasks or not set(tasks) <= set(TASKS):
        raise UserError(f"{file}: tasks = {found!r}; it takes some of {tuple(TASKS)}")
    return tasks


def declared(file: Path, key: str, otherwise: Any) -> Any:
    """A top-level literal of a trick's file, read without running it.

    Raises:
        UserError: The file is no Python, or the value is more than a literal.
    """
    try:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == key:
                return ast.literal_eval(node.value)
    except SyntaxError as error:
        raise UserError(f"{file}, line {error.lineno}: {error.msg}; correct it") from error
    except ValueError as error:
        raise UserError(f"{file}: {key} must be a plain value, such as 'cls'") from error
    return otherwise


def trick_file(name: str) -> Path:
    """Where a trick's piece of config is."""
    if is_file(name):
        return Path(name).expanduser().resolve()
    return config_root() / "_base_" / "tricks" / f"{name}.py"


def check_names(names: Sequence[str], added: Sequence[str] = ()) -> None:
    """Refuse unknown and repeated names; `added` are those of the command line.

    Raises:
        UserError: With the known names and the closest one.
        MissingFileError: No such file.
    """
    choices = (*ORDER, *GROUPS)
    for name in (*names, *added):
        if is_file(name):
            _check_file(name)
        elif name not in choices:
            hint = did_you_mean(name, choices)
            there = "; yours is a file: write its path with .py" if _beside(name) else ""
            raise UserError(f"unknown trick {name!r}; known: {', '.join(choices)}{hint}{there}")
    own = [trick_name(name) for name in members(names)]
    more = [trick_name(name) for name in members(added)]
    for name in (*own, *more):
        group = next((g for g in (*names, *added) if name in GROUPS.get(g, ())), None)
        part = f" (group {group!r} has it)" if group else ""
        if name in own and name in more:
            raise UserError(
                f"trick {name!r}{part} is on already: the config has {', '.join(own)}; leave it out"
            )
        if (count := (*own, *more).count(name)) > 1:
            raise UserError(f"trick {name!r}{part} is named {count} times; name it once")


def refuse_ours(name: str) -> None:
    """Refuse a name of a trick or a group of ours for another one."""
    if name in (*ORDER, *GROUPS):
        raise UserError(f"{name!r} is a trick of tricklift; take another name for yours")


def _beside(name: str) -> bool:
    return Path(f"{name}.py").is_file()


def _check_file(name: str) -> None:
    """Refuse a file of a trick that is not there, or whose name a row cannot have."""
    file, called = trick_file(name), trick_name(name)
    if not file.is_file():
        raise MissingFileError(
            f"no trick's file {name!r}; give a path, or a name of {', '.join((*ORDER, *GROUPS))} "
            "('tricklift new trick NAME' writes one to begin with)"
        )
    refuse_ours(called)
    if not re.fullmatch(r"\w+", called):
        raise UserError(
            f"{name}: a trick's file is named by letters, digits and _ alone, since rows and "
            f"folders take its name; rename it, e.g. to {re.sub(r'[^0-9a-zA-Z_]', '_', called)}.py"
        )
