"""Image sizes that a network of timm takes: any, multiples of 32, or one alone, which is refused.

Detectors and segmenters show a backbone images of any size. What timm says of a network
(`fixed_input_size`) is not it: some take any size all the same, and some that are said to take any
fail where one side is odd. So it is tried, without data, once a network.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import torch

from tricklift.errors import UserError

#: timm's options that let a network of one size take any.
OPTIONS: tuple[Mapping[str, Any], ...] = (
    MappingProxyType({}),
    MappingProxyType({"dynamic_img_size": True}),
    MappingProxyType({"strict_img_size": False}),
)
#: Height and width of the images that are tried: any size, and one of multiples.
ODD, EVEN = (161, 225), (160, 224)
MULTIPLE = 32


@lru_cache(maxsize=32)
def takes(create: Callable[..., Any], network: str) -> tuple[Mapping[str, Any], int]:
    """timm's options with which a network takes images of any size, and of what they are multiples.

    Args:
        create: Builds timm's `network` with its number of classes and timm's options.
        network: timm's name.

    Returns:
        The options, and 1 or `MULTIPLE`.

    Raises:
        UserError: It takes images of one size alone; the message has timm's own words.
    """
    said: list[Exception] = []
    with torch.device("meta"), torch.no_grad():
        for options in OPTIONS:
            try:
                model = create(network, 1, **options).eval()
                model.forward_features(torch.empty(1, 3, *EVEN))
            except Exception as error:  # each network fails in its own way
                said.append(error)
                continue
            try:
                model.forward_features(torch.empty(1, 3, *ODD))
            except Exception:  # as above: whatever it is, these sides are not for it
                return options, MULTIPLE
            return options, 1
    side = "x".join(map(str, model.pretrained_cfg["input_size"][1:]))
    raise UserError(
        f"timm/{network} takes images of {side} pixels alone, and timm has no option that changes "
        f"it (of {EVEN[0]}x{EVEN[1]} pixels: {type(said[0]).__name__} {said[0]}); detectors and "
        "segmenters show a backbone images of any size, so choose another network"
    ) from said[0]
