"""Means and standard deviations that weights were trained with, and whether a model has the same.

All are in 0..255, RGB. Why it matters: weights that are fed images of another normalisation load
without a word and transfer worse.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tricklift.errors import UserError

#: Of ImageNet, as in arXiv:1812.01187, section 2.1; what the cls stage trains with.
MEAN = (123.68, 116.779, 103.939)
STD = (58.393, 57.12, 57.375)
#: Up to this, of 255, two numbers are two roundings of one (123.68 and 0.485 * 255).
NEAR = 1.0


def noted(mean: Sequence[float], std: Sequence[float]) -> dict[str, str]:
    """Metadata ``mean`` and ``std`` (JSON) of an exchange file."""
    return {
        key: json.dumps([round(float(value), 3) for value in values])
        for key, values in (("mean", mean), ("std", std))
    }


def of_training(preprocessor: Mapping[str, Any] | None) -> dict[str, str]:
    """Metadata from the ``data_preprocessor`` of a classifier's config, empty if unknown."""
    settings = preprocessor or {}
    defaults = (MEAN, STD) if settings.get("type") == "ClsPreprocessor" else (None, None)
    mean, std = settings.get("mean", defaults[0]), settings.get("std", defaults[1])
    return {} if mean is None or std is None else noted(mean, std)


def refuse_other(metadata: Mapping[str, str], preprocessor: Any) -> None:
    """Check that a model normalises images as its pretrained weights were trained.

    Args:
        metadata: Of the weights; no check without ``mean`` and ``std``.
        preprocessor: The model's, one of mmengine's, mmdet's or mmseg's that normalise.

    Raises:
        UserError: It has other statistics, or none.
    """
    if "mean" not in metadata or "std" not in metadata:
        return
    if not hasattr(preprocessor, "_enable_normalize"):
        return  # one of somebody's own; what it does is not known
    wanted = {key: json.loads(metadata[key]) for key in ("mean", "std")}
    found = {
        key: getattr(preprocessor, key).flatten().tolist() if preprocessor._enable_normalize else []
        for key in wanted
    }
    if all(_near(found[key], wanted[key]) for key in wanted):
        return
    given = "; ".join(f"{key} {_text(found[key]) if found[key] else 'none'}" for key in found)
    line = " ".join(f"model.data_preprocessor.{key}={_text(wanted[key])}" for key in wanted)
    raise UserError(
        f"{metadata.get('source', 'the checkpoint')} was trained with another normalisation than "
        f"the images of this model get (0..255, RGB: {given}); set {line}"
    )


def _near(found: Sequence[float], wanted: Sequence[float]) -> bool:
    pairs = zip(found, wanted, strict=False)
    return len(found) == len(wanted) and all(abs(a - b) <= NEAR for a, b in pairs)


def _text(values: Sequence[float]) -> str:
    return "[" + ",".join(str(round(value, 3)) for value in values) + "]"
