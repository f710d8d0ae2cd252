"""A network of a stem, stages in a row and a linear head: the form that every part of this suite
can take apart (frozen stages, dropped stages, one stage as a box head).
"""

from collections.abc import Sequence

from torch import Tensor, nn

from backbones.features import FeatureInfo
from tricklift.errors import UserError


class GlobalAverage(nn.Module):
    """Mean over the map: ``(N, C, H, W)`` to ``(N, C)``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


class StagedNet(nn.Module):
    """A classifier whose stages hand on their maps.

    Args:
        stem: Maps ``(N, 3, H, W)`` to the first stage's input.
        stages: Each maps the output of the one before.
        pre_logits: Maps the last stage's output to ``(N, C)`` or ``(N, C, 1, 1)``.
        fc: The head, ``(N, C)`` to logits.
        feature_info: Channels and strides of the stages' outputs.
        smallest: Side of the smallest image in pixels that leaves a map to the last stage.
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: Sequence[nn.Module],
        pre_logits: nn.Module,
        fc: nn.Linear,
        feature_info: FeatureInfo,
        smallest: int = 1,
    ) -> None:
        super().__init__()
        self.feature_info = feature_info
        self.smallest = smallest
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.pre_logits = pre_logits
        self.fc = fc

    def forward_features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images ``(N, 3, H, W)`` to the stages' maps ``(N, C_i, H/s_i, W/s_i)``.

        Raises:
            UserError: Images below `smallest`.
        """
        if min(x.shape[2:]) < self.smallest:
            raise UserError(
                f"{getattr(self, 'name', 'this network')} needs images of at least {self.smallest} "
                f"pixels, since its first convolutions have no padding; got {tuple(x.shape[2:])}"
            )
        features = []
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return tuple(features)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(N, 3, H, W)`` to logits ``(N, num_classes)``."""
        return self.fc(self.pre_logits(self.forward_features(x)[-1]).flatten(1))
