"""Checkpoints of tricklift 0.1.0 and before, which do not say what they hold. TO BE REMOVED.

What they hold is found in the text of their config, which is parsed and never executed. A file
written since has it in its metadata (`tricklift.records.checkpoint_metadata`).
"""

import ast
from typing import Any

from backbones.normalisation import MEAN, STD


def facts(config: str) -> dict[str, Any]:
    """What the text of a classifier's config says, as `CheckpointMetadata` writes it, or {}."""
    values = literals(config)
    model = values.get("model")
    if not isinstance(model, dict) or "name" not in (model.get("backbone") or {}):
        return {}
    options = dict(model["backbone"])
    preprocessor = model.get("data_preprocessor") or {}
    if preprocessor.get("type") == "ClsPreprocessor":
        preprocessor = {"mean": MEAN, "std": STD, **preprocessor}
    found = {
        "architecture": options.pop("name"),
        "options": {k: v for k, v in options.items() if k not in ("type", "checkpoint")},
        "dataset": (values.get("benchmark") or {}).get("dataset"),
        "row": values.get("row"),
        "tricks": values.get("tricks"),
        "mean": preprocessor.get("mean"),
        "std": preprocessor.get("std"),
    }
    return {key: value for key, value in found.items() if value is not None}


def literals(config: str) -> dict[str, Any]:
    """The top-level values of a config's text that are literals; ``dict(a=1)`` is one too."""
    values: dict[str, Any] = {}
    try:
        body = ast.parse(config).body
    except (SyntaxError, ValueError):
        return values
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(_Dicts().visit(node.value))
            except ValueError:
                continue
    return values


class _Dicts(ast.NodeTransformer):
    """Turns ``dict(a=1)`` into ``{'a': 1}``."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        names = [word.arg for word in node.keywords]
        if not isinstance(node.func, ast.Name) or node.func.id != "dict" or None in names:
            return node
        return ast.Dict([ast.Constant(name) for name in names], [k.value for k in node.keywords])
