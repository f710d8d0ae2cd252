"""The config that a run resolved and kept in its folder, read as data: nothing in it is run.

mmengine writes it as Python, plain assignments of literals and of `dict(...)`, and reads it by
running it. A folder of runs may be somebody else's.
"""

import ast
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

#: What is `dict(...)` in every config.
SECTIONS = (
    *("model", "train_dataloader", "val_dataloader", "test_dataloader", "optim_wrapper"),
    *("train_cfg", "val_cfg", "test_cfg", "default_hooks", "randomness", "benchmark"),
)


class Code(str):
    """What stands in a config and is no data, as its source."""

    __slots__ = ()


def kept(work_dir: Path, config: str) -> Path:
    """Where a run keeps it.

    Args:
        work_dir: Of the run.
        config: The config that the run was started with, as its result says.
    """
    return work_dir / f"{Path(config).stem}.py"


def read(file: Path) -> dict[str, Any]:
    """What `parsed` makes of a file."""
    return parsed(file.read_text(encoding="utf-8", errors="replace"))


@lru_cache(maxsize=256)
def parsed(text: str) -> dict[str, Any]:
    """A resolved config as plain data, to be read and not changed; empty where it is none.

    What is neither a literal nor `dict(...)` of them is kept as `Code`.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of literals that are nearly none
            tree = ast.parse(text)
        found = {
            line.targets[0].id: _plain(line.value)
            for line in tree.body
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
        }
        return found if _has_sections(found) else {}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):  # or too deep
        return {}


def _has_sections(found: dict[str, Any]) -> bool:
    """Whether the sections that a config has are what they are in a config."""
    sections = [found.get(name) for name in SECTIONS]
    if isinstance(model := found.get("model"), dict):
        sections.append(model.get("backbone"))
    sections += _listed(found.get("custom_hooks"))
    whole = all(held is None or isinstance(held, dict) for held in sections)
    return whole and all(isinstance(name, str) for name in _listed(found.get("imports")))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _plain(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        if not node.args and all(word.arg for word in node.keywords):
            return {word.arg: _plain(word.value) for word in node.keywords}
    elif isinstance(node, ast.Dict) and all(node.keys):
        return {
            _plain(key): _plain(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    elif isinstance(node, ast.List):
        return [_plain(item) for item in node.elts]
    elif isinstance(node, ast.Tuple):
        return tuple(_plain(item) for item in node.elts)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return Code(ast.unparse(node))


def code_in(value: Any) -> list[Code]:
    """All that is no data in a config."""
    if isinstance(value, dict):
        return [found for item in value.items() for found in code_in(item)]
    if isinstance(value, list | tuple):
        return [found for item in value for found in code_in(item)]
    return [value] if isinstance(value, Code) else []
