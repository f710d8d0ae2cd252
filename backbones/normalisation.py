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


def as_metadata(mean: Sequence[float], std: Sequence[float]) -> dict[str, str]:
    """Metadata ``mean`` and ``std`` (JSON) of an exchange file."""
    return {
        key: json.dumps([round(float(value), 3) for value in values])
        for key, values in (("mean", mean), ("std", std))
    }


def refuse_other(metadata: Mapping[str, str], preprocessor: Any) -> None:
    """Check that a model normalises images as its pretrained weights were trained, and in RGB.

    OpenMMLab's readers give BGR; a preprocessor that does not turn it feeds blue for red.

    Args:
        metadata: Of the weights; no check without ``mean`` and ``std``.
        preprocessor: The model's, one of mmengine's, mmdet's or mmseg's that normalise; what
            another one does is not known, and not checked.

    Raises:
        UserError: It has other statistics, or none, or leaves images in BGR.
    """
    if not {"mean", "std"} <= metadata.keys() or not hasattr(preprocessor, "_enable_normalize"):
        return
    wanted = {key: json.loads(metadata[key]) for key in ("mean", "std")}
    found = {
        key: getattr(preprocessor, key).flatten().tolist() if preprocessor._enable_normalize else []
        for key in wanted
    }
    if all(
        len(found[key]) == len(wanted[key])
        and all(abs(a - b) <= NEAR for a, b in zip(found[key], wanted[key], strict=True))
        for key in wanted
    ):
        turned = ("_channel_conversion", "channel_conversion")  # mmseg calls it by the latter
        if any(getattr(preprocessor, name, False) for name in turned):
            return
        raise UserError(
            f"{metadata.get('source', 'the checkpoint')} was trained on RGB, and this model leaves "
            "images in the BGR of OpenMMLab's readers; set model.data_preprocessor.bgr_to_rgb=True"
        )
    given = "; ".join(f"{key} {_text(has) if has else 'none'}" for key, has in found.items())
    line = " ".join(f"model.data_preprocessor.{key}={_text(wanted[key])}" for key in wanted)
    raise UserError(
        f"{metadata.get('source', 'the checkpoint')} was trained with another normalisation than "
        f"the images of this model get (0..255, RGB: {given}); set {line}"
    )


def _text(values: Sequence[float]) -> str:
    return "[" + ",".join(str(round(value, 3)) for value in values) + "]"
