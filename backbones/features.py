"""The contract: what every network here says and does, whoever wrote it.

Downstream code (the OpenMMLab wrapper, necks, heads) relies on `Backbone` alone and never looks
inside a network.

What builds a network (`BackboneInfo.factory`) takes the number of classes and, by keyword alone,
``output_stride`` (32, 16 or 8), ``init`` and ``zero_gamma`` (see `backbones.initialisation`): the
provided configs and tricks set these. A value that the network cannot have is a UserError that says
why.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

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


class Backbone(nn.Module, ABC):
    """What `backbones.build` returns: a classifier that hands out its stages' maps.

    Attributes:
        feature_info: Of this very network (width and output stride included).
        fc: The classification head on globally pooled features.
        name: Its name in the registry; set by `build`, as are the next two.
        options: What it was built with beside the number of classes.
        built_in: Tricks that it has without having been told so, see `BackboneInfo`.
    """

    feature_info: FeatureInfo
    fc: nn.Linear
    name: str = "this network"
    options: dict[str, Any]
    built_in: tuple[str, ...] = ()

    @abstractmethod
    def forward_features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map an image batch ``(N, 3, H, W)`` to one map ``(N, C_i, H/s_i, W/s_i)`` a stage."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Map an image batch ``(N, 3, H, W)`` to logits ``(N, num_classes)``."""

    @abstractmethod
    def stage(self, index: int) -> nn.Module:
        """Stage `index` on its own, which maps the map of the one before to its own.

        Raises:
            UserError: No stage of it can stand alone as a box head (C4), with the reason.
        """

    def stage_prefix(self, index: int) -> str:
        """What stands before the keys of `stage` in the state dict."""
        return f"stages.{index}."

    @abstractmethod
    def keep_until(self, last: int) -> None:
        """Take away the head and all stages behind `last`, which features alone do not need.

        A parameter that gets no gradient would make distributed training wait for it.
        """

    @abstractmethod
    def parts(self) -> list[list[nn.Module]]:
        """The modules of the stem, then those of each stage."""

    def frozen_parts(self, frozen_stages: int) -> list[nn.Module]:
        """The modules that ``frozen_stages`` freezes: -1 none, 0 the stem, 1 the first stage too.

        Raises:
            UserError: More stages than the network has, or below -1.
        """
        parts = self.parts()
        if not -1 <= frozen_stages < len(parts):
            raise UserError(
                f"frozen_stages must be from -1 (none) to {len(parts) - 1} (all); "
                f"got {frozen_stages}"
            )
        return [module for part in parts[: frozen_stages + 1] for module in part]
