"""The feature contract: what every backbone says about the maps it hands on.

Downstream code (the OpenMMLab wrapper, necks, heads) reads channel counts and strides from here
and never looks inside a network.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


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
