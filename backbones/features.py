"""The feature contract: what every backbone says about the maps it hands on.

Downstream code (the OpenMMLab wrapper, necks, heads) reads channel counts and strides from here
and never looks inside a network.

What builds a network (`BackboneInfo.factory`) takes the number of classes and, by keyword alone,
``output_stride`` (32, or what `backbones.dilation` makes of it), ``init`` and ``zero_gamma`` (see
`backbones.initialisation`): the provided configs and tricks set these. A value that the network
cannot have is a ValueError that says why.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from tricklift.errors import UserError


@dataclass(frozen=True)
class FeatureInfo:
    """Channels and strides of the feature maps, first stage first.

    Attributes:
        channels: Number of channels of each stage's output.
        strides: Input pixels per output pixel of each stage, e.g. ``(4, 8, 16, 32)``.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]


@runtime_checkable
class Backbone(Protocol):
    """What `backbones.build` returns: a classifier that can hand out its stage features.

    A network of timm that cannot be cut has ``groups``, ``indices`` and ``prune`` in the place of
    ``stem`` and ``stages``, see `backbones.timm_whole`.

    Attributes:
        feature_info: The feature contract of this very network (width and output stride included).
        stem: What comes before the first stage.
        stages: The stages; stage ``i`` maps the output of stage ``i - 1``.
        fc: The classification head on globally pooled features.
    """

    feature_info: FeatureInfo
    stem: nn.Module
    stages: nn.ModuleList
    fc: nn.Module

    def forward_features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map an image batch ``(N, 3, H, W)`` to one map ``(N, C_i, H/s_i, W/s_i)`` a stage."""
        ...

    def forward(self, x: Tensor) -> Tensor:
        """Map an image batch ``(N, 3, H, W)`` to logits ``(N, num_classes)``."""
        ...


def drop_behind(network: Any, last: int) -> None:
    """Take away the head and all stages behind stage `last`, which features alone do not need.

    A parameter that gets no gradient would make distributed training wait for it.
    """
    if not hasattr(network, "stages"):
        network.prune(last)
        del network.fc
        return
    for name, _ in list(network.named_children()):
        if name not in ("stem", "stages"):
            delattr(network, name)
    network.stages = network.stages[: last + 1]


def one_stage(network: Any, index: int) -> nn.Module:
    """Stage `index` on its own, e.g. for the box head of Faster R-CNN C4.

    Raises:
        UserError: The network has no such stage that could stand alone, with the reason.
    """
    if not hasattr(network, "stages"):
        raise UserError(
            f"{network.name} is run by timm as a whole, so no stage of it can be a box head (C4); "
            "use an FPN neck, or another backbone"
        )
    if getattr(network, "smallest", 1) > 1:
        raise UserError(
            f"the stages of {network.name} have convolutions without padding, so a RoI's map "
            "shrinks by more than the stride (14x14 to 6x6): none can be a box head (C4); use an "
            "FPN neck, or another backbone"
        )
    stage: nn.Module = network.stages[index]
    if not any(True for _ in stage.parameters()):
        raise UserError(
            f"stage {index} of {network.name} is a pool without weights, which cannot be a box "
            "head (C4); use an FPN neck, or another backbone"
        )
    return stage
