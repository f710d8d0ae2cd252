"""What any backbone must do, as functions: our tests run them over the registry, and
`tricklift check-backbone` over one of your own.

A property that does not hold raises `Broken`. One that a network may lack, such as a smaller output
stride, raises `Absent` with the network's own reason.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from backbones.properties.needed import (
    backward,
    bfloat16,
    channels_last,
    contract,
    export_round_trip,
    exportable,
    frozen_stages,
    options,
    parts,
    repeats,
    state_dict,
)
from backbones.properties.networks import Absent, Broken, network, pictures
from backbones.properties.optional import (
    box_head,
    dilated,
    equal_where_strided,
    quiet_gates,
    zero_gamma,
    zeros,
)

__all__ = [
    "PROPERTIES",
    "Absent",
    "Broken",
    "backward",
    "bfloat16",
    "box_head",
    "channels_last",
    "contract",
    "dilated",
    "equal_where_strided",
    "export_round_trip",
    "exportable",
    "frozen_stages",
    "network",
    "options",
    "parts",
    "pictures",
    "quiet_gates",
    "repeats",
    "state_dict",
    "zero_gamma",
    "zeros",
]


def _on_images(check: Callable[[Any, Tensor], None], name: str) -> None:
    check(network(name), pictures())


#: In the order in which `tricklift check-backbone` runs them.
PROPERTIES: dict[str, Callable[[str], str | None]] = {
    "channels, strides and odd sizes": contract,
    "options of configs and tricks": options,
    "stem and stages": parts,
    "repeats itself": partial(_on_images, repeats),
    "state dict": partial(_on_images, state_dict),
    "backward": partial(_on_images, backward),
    "channels-last": partial(_on_images, channels_last),
    "bfloat16": partial(_on_images, bfloat16),
    "frozen stages": lambda name: frozen_stages(name, pictures()),
    "torch.export and trace": lambda name: exportable(name, pictures()),
    "export and back": export_round_trip,
    "output stride 8 (FCN, PSPNet)": dilated,
    "C4 box head": box_head,
    "zero gamma": zero_gamma,
}
