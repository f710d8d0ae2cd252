"""What all residual families share: a stem, four stages of blocks, global average pool, a head.

A family file chooses the stem, the block and the shortcut, and hands them to `residual_net`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from backbones.features import FeatureInfo
from backbones.gradient_checkpointing import checkpointed
from tricklift.errors import UserError

#: Blocks a stage, by the number of layers with weights. Source: arXiv:1512.03385, Table 1.
DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
#: Called with inputs, planes, stride, dilation, shortcut, first_dilation; see `blocks.Bottleneck`.
Block = Callable[..., nn.Module]
#: Called with inputs, outputs, stride.
Shortcut = Callable[[int, int, int], nn.Module]


class Stage(nn.Sequential):
    """A row of residual blocks; the first one changes channels, stride and dilation.

    The first block of a dilated stage uses half the dilation: it still sees the spacing of the
    stage before.
    """

    def __init__(
        self,
        inputs: int,
        planes: int,
        depth: int,
        stride: int,
        dilation: int,
        block: Block,
        expansion: int,
        shortcut: Shortcut,
        dilated_here: bool = False,
    ) -> None:
        outputs = planes * expansion
        changes = stride != 1 or inputs != outputs
        first_shortcut = shortcut(inputs, outputs, stride) if changes else nn.Identity()
        first_dilation = dilation // 2 if dilated_here else dilation
        blocks = [block(inputs, planes, stride, dilation, first_shortcut, first_dilation)]
        blocks += [block(outputs, planes, 1, dilation, nn.Identity()) for _ in range(depth - 1)]
        super().__init__(*blocks)


class ResidualNet(nn.Module):
    """A stem, four stages, global average pool and a linear head.

    Args:
        stem: Maps ``(N, 3, H, W)`` to stride 4.
        stages: Four stages, each on the output of the one before.
        feature_info: Channels and strides of the stages' outputs.
        num_classes: Width of the head.
        gradient_checkpointing: Recompute each block in the backward pass to save memory.

    Source: arXiv:1812.01187, sections 2.1 and 4.
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: list[Stage],
        feature_info: FeatureInfo,
        num_classes: int,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.feature_info = feature_info
        self.gradient_checkpointing = gradient_checkpointing
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.fc = nn.Linear(feature_info.channels[-1], num_classes)

    def forward_features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images ``(N, 3, H, W)`` to the four stages' maps ``(N, C_i, H/s_i, W/s_i)``."""
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
        return self.fc(self.forward_features(x)[-1].mean(dim=(2, 3)))


def residual_net(
    num_classes: int,
    *,
    stem: Callable[[int], nn.Module],
    depths: Sequence[int],
    planes: Sequence[int],
    blocks: Sequence[Block],
    expansion: int,
    shortcut: Shortcut,
    output_stride: int,
    gradient_checkpointing: bool,
) -> ResidualNet:
    """Put a residual network together; its weights are still torch's own.

    Args:
        num_classes: Width of the head.
        stem: Called with the channels of its output.
        depths: Blocks of each of the four stages.
        planes: Output channels of each stage, divided by `expansion`.
        blocks: What each stage is a row of.
        expansion: Output channels of a block per plane.
        shortcut: Makes the shortcut of a stage's first block.
        output_stride: Input pixels per pixel of the last map: 8, 16 or 32.
        gradient_checkpointing: Trade time for memory in training.

    Raises:
        UserError: `output_stride` is none of these.
    """
    strides, dilations = strides_and_dilations(output_stride)
    stages, inputs = [], planes[0]
    for i, (depth, block) in enumerate(zip(depths, blocks, strict=True)):
        stages.append(
            Stage(
                inputs,
                planes[i],
                depth,
                strides[i],
                dilations[i],
                block,
                expansion,
                shortcut,
                dilated_here=i > 0 and dilations[i] > dilations[i - 1],
            )
        )
        inputs = planes[i] * expansion
    info = FeatureInfo(
        channels=tuple(p * expansion for p in planes),
        strides=tuple(min(s, output_stride) for s in (4, 8, 16, 32)),
    )
    return ResidualNet(stem(planes[0]), stages, info, num_classes, gradient_checkpointing)


def strides_and_dilations(output_stride: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Strides and dilations of the four stages for a final stride of 8, 16 or 32.

    Raises:
        UserError: Another output stride.
    """
    table = {
        32: ((1, 2, 2, 2), (1, 1, 1, 1)),
        16: ((1, 2, 2, 1), (1, 1, 1, 2)),
        8: ((1, 2, 1, 1), (1, 1, 2, 4)),
    }
    if output_stride not in table:
        raise UserError(f"output_stride must be one of 8, 16, 32; got {output_stride!r}")
    return table[output_stride]


def scaled(channels: Sequence[int], width: float, multiple: int = 8) -> list[int]:
    """`channels` times `width`, each to the nearest multiple of `multiple`, and at least that.

    Raises:
        UserError: `width` is not above 0.
    """
    if width <= 0:
        raise UserError(f"width must be above 0, got {width}")
    return [max(multiple, round(c * width / multiple) * multiple) for c in channels]
