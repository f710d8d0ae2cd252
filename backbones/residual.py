"""What all residual families share: a stem, four stages of blocks, and their options.

A family file chooses the stem, the block and the shortcut, and hands them to `residual_net`.
"""

from collections.abc import Callable, Sequence
from typing import TypedDict

from torch import nn

from backbones.features import FeatureInfo
from backbones.initialisation import initialise
from backbones.staged import StagedNet
from tricklift.errors import UserError

#: Blocks a stage, by the number of layers with weights. Source: arXiv:1512.03385, Table 1.
DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
#: Strides and dilations of the four stages, by the stride of the last map.
STRIDES = {
    32: ((1, 2, 2, 2), (1, 1, 1, 1)),
    16: ((1, 2, 2, 1), (1, 1, 1, 2)),
    8: ((1, 2, 1, 1), (1, 1, 2, 4)),
}
#: Called with inputs, planes, stride, dilation, shortcut, first_dilation; see `blocks.Bottleneck`.
Block = Callable[..., nn.Module]
#: Called with inputs, outputs, stride.
Shortcut = Callable[[int, int, int], nn.Module]


class Common(TypedDict, total=False):
    """The options of every residual family.

    Attributes:
        width: Factor on all channel counts (rounded to a multiple of 8, or what the blocks need).
        output_stride: Input pixels per pixel of the last map: 8, 16 or 32.
        zero_gamma: Start each block as its shortcut.
        init: ``kaiming`` (default) or ``xavier``, see `initialise`.
        gradient_checkpointing: Less memory in training, for more time.
    """

    width: float
    output_stride: int
    zero_gamma: bool
    init: str
    gradient_checkpointing: bool


def residual_net(
    num_classes: int,
    *,
    stem: Callable[[int], nn.Module],
    depths: Sequence[int],
    blocks: Sequence[Block],
    expansion: int,
    shortcut: Shortcut,
    multiple: int = 8,
    last: Callable[[int], nn.Module] | None = None,
    width: float = 1.0,
    output_stride: int = 32,
    zero_gamma: bool = False,
    init: str = "kaiming",
    gradient_checkpointing: bool = False,
) -> StagedNet:
    """Put a residual network together and draw its weights.

    Args:
        num_classes: Width of the head.
        stem: Called with the channels of its output.
        depths: Blocks of each of the four stages.
        blocks: What each stage is a row of.
        expansion: Output channels of a block per plane.
        shortcut: Makes the shortcut of a stage's first block.
        multiple: What `width` rounds the planes to.
        last: Called with its channels, makes what ends the last stage.
        width, output_stride, zero_gamma, init, gradient_checkpointing: See `Common`.

    Raises:
        UserError: `width`, `output_stride` or `init` is out of range.

    Source: arXiv:1812.01187, sections 2.1 and 4.
    """
    if output_stride not in STRIDES:
        raise UserError(f"output_stride must be one of 8, 16, 32; got {output_stride!r}")
    if not isinstance(width, int | float) or not 0 < width <= 64:
        raise UserError(f"width must be above 0 and at most 64, got {width!r:.40}")
    strides, dilations = STRIDES[output_stride]
    planes = [max(multiple, round(p * width / multiple) * multiple) for p in (64, 128, 256, 512)]
    channels = tuple(p * expansion for p in planes)
    stages, inputs, before = [], planes[0], 1
    for middle, outputs, stride, dilation, depth, block in zip(
        planes, channels, strides, dilations, depths, blocks, strict=True
    ):
        changes = stride != 1 or inputs != outputs
        first = shortcut(inputs, outputs, stride) if changes else nn.Identity()
        # The first block of a dilated stage still sees the spacing of the stage before.
        row = [block(inputs, middle, stride, dilation, first, before)]
        row += [block(outputs, middle, 1, dilation, nn.Identity()) for _ in range(depth - 1)]
        stages.append(nn.Sequential(*row))
        inputs, before = outputs, dilation
    if last:
        stages[-1].add_module("last", last(channels[-1]))
    model = StagedNet(
        stem(planes[0]),
        stages,
        nn.Linear(channels[-1], num_classes),
        FeatureInfo(channels, tuple(min(s, output_stride) for s in (4, 8, 16, 32))),
        gradient_checkpointing=gradient_checkpointing,
    )
    initialise(model, init, zero_gamma)
    return model
