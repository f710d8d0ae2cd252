"""Which tricks there are, by name: their order, their groups, and the tasks that each is for."""

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from tricklift.errors import UserError, did_you_mean
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


def members(names: Sequence[str]) -> list[str]:
    """The tricks that names of tricks and of groups stand for; unknown names stay."""
    return [trick for name in names for trick in GROUPS.get(name, (name,))]


def tasks_of(name: str) -> tuple[str, ...]:
    """The tasks that a trick, or a group as a whole, is for."""
    allowed = [tasks_in(trick_file(trick)) for trick in members([name])]
    return tuple(task for task in TASKS if all(task in some for some in allowed))


def tasks_in(file: Path) -> tuple[str, ...]:
    """The tasks that a trick's file names, read before it runs on a config of another task."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "tasks":
            return tuple(ast.literal_eval(node.value))
    return tuple(TASKS)


def trick_file(name: str) -> Path:
    """Where a trick's piece of config is."""
    return config_root() / "_base_" / "tricks" / f"{name}.py"


def split_names(text: str | None) -> list[str]:
    """Names in `a,b,c`, as the command line takes them; none for None or an empty text."""
    return [name.strip() for name in text.split(",")] if text else []


def check_names(names: Sequence[str], added: Sequence[str] = ()) -> None:
    """Refuse unknown and repeated names; `added` are those of the command line.

    Raises:
        UserError: With the known names and the closest one.
    """
    choices = (*ORDER, *GROUPS)
    for name in (*names, *added):
        if name not in choices:
            hint = did_you_mean(name, choices)
            raise UserError(f"unknown trick {name!r}; known: {', '.join(choices)}{hint}")
    own, more = members(names), members(added)
    for name in (*own, *more):
        group = next((g for g in (*names, *added) if name in GROUPS.get(g, ())), None)
        part = f" (group {group!r} has it)" if group else ""
        if name in own and name in more:
            raise UserError(
                f"trick {name!r}{part} is on already: the config has {', '.join(own)}; leave it out"
            )
        if (count := (*own, *more).count(name)) > 1:
            raise UserError(f"trick {name!r}{part} is named {count} times; name it once")
