"""A network of a stem, stages in a row and a linear head: ours, and timm's that are cut so."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from backbones.features import Backbone, FeatureInfo
from backbones.gradient_checkpointing import checkpointed
from tricklift.errors import UserError


class GlobalAverage(nn.Module):
    """Mean over the map: ``(N, C, H, W)`` to ``(N, C)``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


class StagedNet(Backbone):
    """A classifier whose stages hand on their maps.

    Args:
        stem: Maps ``(N, 3, H, W)`` to the first stage's input.
        stages: Each maps the output of the one before.
        fc: The head, ``(N, C)`` to logits.
        feature_info: Channels and strides of the stages' outputs.
        pre_logits: Maps the last stage's output to ``(N, C)`` or ``(N, C, 1, 1)``.
        smallest: Side of the smallest image in pixels that leaves a map to the last stage.
        gradient_checkpointing: Recompute each block of a stage in the backward pass, which saves
            memory.
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: Sequence[nn.Module],
        fc: nn.Linear,
        feature_info: FeatureInfo,
        pre_logits: nn.Module | None = None,
        smallest: int = 1,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.feature_info = feature_info
        self.smallest = smallest
        self.gradient_checkpointing = gradient_checkpointing
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.pre_logits = GlobalAverage() if pre_logits is None else pre_logits
        self.fc = fc

    def forward_features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images ``(N, 3, H, W)`` to the stages' maps ``(N, C_i, H/s_i, W/s_i)``.

        Raises:
            UserError: Images below `smallest`.
        """
        traced = torch.jit.is_tracing()  # the sizes are tensors then, and the trace is of one size
        if self.smallest > 1 and not traced and min(x.shape[2:]) < self.smallest:
            raise UserError(
                f"{self.name} needs images of at least {self.smallest} pixels, since its first "
                f"convolutions have no padding; got {tuple(x.shape[2:])}"
            )
        features = []
        x = self.stem(x)
        for stage in self.stages:
            x = self._run(stage, x)
            features.append(x)
        return tuple(features)

    def _run(self, stage: nn.Module, x: Tensor) -> Tensor:
        if not (self.gradient_checkpointing and self.training and torch.is_grad_enabled()):
            return stage(x)
        for block in stage.children():
            x = checkpointed(block, x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(N, 3, H, W)`` to logits ``(N, num_classes)``."""
        return self.fc(self.pre_logits(self.forward_features(x)[-1]).flatten(1))

    def stage(self, index: int) -> nn.Module:
        reason = None
        if self.smallest > 1:
            reason = (
                f"the stages of {self.name} have convolutions without padding, so a RoI's map "
                "shrinks by more than the stride (14x14 to 6x6): none can"
            )
        elif not any(True for _ in self.stages[index].parameters()):
            reason = f"stage {index} of {self.name} is a pool without weights, which cannot"
        if reason:
            raise UserError(f"{reason} be a box head (C4); use an FPN neck, or another backbone")
        return self.stages[index]

    def keep_until(self, last: int) -> None:
        del self.pre_logits, self.fc
        self.stages = self.stages[: last + 1]

    def parts(self) -> list[list[nn.Module]]:
        return [[self.stem], *([stage] for stage in self.stages)]
