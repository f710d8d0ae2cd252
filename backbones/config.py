"""What a config's ``backbone=dict(name=...)`` says of the network, without drawing weights."""

from collections.abc import Mapping
from copy import copy
from typing import Any

import torch

from backbones.features import FeatureInfo
from backbones.registry import build, info
from tricklift.errors import UserError


def feature_info_of(backbone: Mapping[str, Any]) -> FeatureInfo:
    """Channels and strides of all stages of the backbone that a config describes.

    Args:
        backbone: Has ``name`` and any of that backbone's options; other keys are passed over.

    Raises:
        UserError: No or an unknown name, or an option value that the family does not allow.
    """
    name = backbone.get("name")
    if name is None:
        raise UserError(
            "model.backbone has no name; set model.backbone.name, e.g. 'resnet18_b' "
            "(`tricklift backbones` lists all)"
        )
    options = {key: value for key, value in backbone.items() if key in info(name).options}
    with torch.device("meta"):
        network: Any = build(name, num_classes=1, **options)
    result: FeatureInfo = network.feature_info
    return result


def filled(config: Mapping[str, Any], where: str, **values: Any) -> dict[str, Any]:
    """A copy of `config` in which keys that are missing or None have the given values.

    Args:
        config: Part of a model's config, e.g. ``neck``.
        where: Its place in the config, for the message.
        **values: What follows from the backbone.

    Raises:
        UserError: The config sets one of them to something else.
    """
    result: Any = copy(config)
    for key, value in values.items():
        given = config.get(key)
        if given is not None and given != value:
            raise UserError(
                f"model.{where}.{key} is {given!r}, but the backbone says {value!r}; "
                "leave it out: it is filled in from model.backbone"
            )
        result[key] = value
    return result
