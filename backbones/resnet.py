"""ResNet and the three tweaks of "Bag of Tricks": variants A, B, C and D.

Paper: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016
(arXiv:1512.03385), and He, Zhang, Zhang, Zhang, Xie, Li, "Bag of Tricks for Image Classification
with Convolutional Neural Networks", CVPR 2019 (arXiv:1812.01187), section 4.

| variant | stem | stride of a stage's first bottleneck | shortcut where the stride is 2 |
| --- | --- | --- | --- |
| a | 7x7 stride 2 | first 1x1 | 1x1 stride 2 |
| b | 7x7 stride 2 | 3x3 | 1x1 stride 2 |
| c | three 3x3, the first stride 2 | 3x3 | 1x1 stride 2 |
| d | three 3x3, the first stride 2 | 3x3 | 2x2 average pool stride 2, 1x1 stride 1 |

A basic block (ResNet-18, 34) has its stride on the first 3x3 in every variant, so A and B coincide.
A network is built from a stem (`stems`) and four stages (`residual`); a stage is built from blocks
(`blocks`); a block is built from convolutions and, where its shape changes, a shortcut.
"""

from collections.abc import Callable, Sequence
from functools import partial

from backbones.blocks import BasicBlock, Bottleneck, PooledShortcut, StridedShortcut, conv
from backbones.deformable import DeformableConv, checked_stages
from backbones.initialisation import initialise
from backbones.registry import BackboneInfo, register
from backbones.residual import DEPTHS, Block, ResidualNet, residual_net, scaled
from backbones.squeeze_excite import SqueezeExcite
from backbones.stems import DeepStem, PlainStem

PAPER = "He et al., Bag of Tricks for Image Classification with CNNs, CVPR 2019"


def resnet(
    num_classes: int,
    *,
    depth: int,
    variant: str,
    groups: int = 1,
    middle: Callable[[int], int] | None = None,
    width: float = 1.0,
    output_stride: int = 32,
    zero_gamma: bool = False,
    init: str = "kaiming",
    gradient_checkpointing: bool = False,
    se: bool = False,
    deformable_stages: Sequence[int] = (),
    deformable_modulated: bool = False,
) -> ResidualNet:
    """Build a ResNet of the given depth (18, 34, 50, 101, 152) and variant (a, b, c, d).

    Args:
        num_classes: Width of the head.
        depth: Number of layers with weights.
        variant: See the table at the top of the file.
        groups: Of the 3x3 convolutions (ResNeXt).
        middle: Channels in the middle of a bottleneck (ResNeXt).
        width: Factor on all channel counts (rounded to a multiple of 8).
        output_stride: Input pixels per pixel of the last map: 8, 16 or 32.
        zero_gamma: Start each block as its shortcut.
        init: ``kaiming`` or ``xavier``, see `initialise`.
        gradient_checkpointing: Trade time for memory in training.
        se: Squeeze-and-excitation in every block, see `squeeze_excite`.
        deformable_stages: Stages, counted from 0, whose 3x3 convolutions are deformable.
        deformable_modulated: Version 2 of it, see `deformable`.

    Raises:
        UserError: `width`, `output_stride`, `init` or `deformable_stages` out of range.
    """
    planes = scaled((64, 128, 256, 512), width)
    block: Block = partial(Bottleneck, stride_first=variant == "a", middle=middle)
    if depth < 50:
        block = BasicBlock
    if se:
        block = partial(block, attention=SqueezeExcite)
    plain = partial(block, spatial=partial(conv, groups=groups))
    deformable = partial(
        block, spatial=partial(DeformableConv, groups=groups, modulated=deformable_modulated)
    )
    chosen = checked_stages(deformable_stages)
    model = residual_net(
        num_classes,
        stem=DeepStem if variant in "cd" else PlainStem,
        depths=DEPTHS[depth],
        planes=planes,
        blocks=[deformable if i in chosen else plain for i in range(4)],
        expansion=BasicBlock.expansion if depth < 50 else Bottleneck.expansion,
        shortcut=PooledShortcut if variant == "d" else StridedShortcut,
        output_stride=output_stride,
        gradient_checkpointing=gradient_checkpointing,
    )
    initialise(model, init, zero_gamma)
    return model


for _depth in DEPTHS:
    for _variant in "abcd":
        register(
            BackboneInfo(
                name=f"resnet{_depth}_{_variant}",
                family="resnet",
                paper=PAPER,
                source="arXiv:1812.01187, section 4 and Figure 2; arXiv:1512.03385, Table 1",
                input_size=224,
                factory=partial(resnet, depth=_depth, variant=_variant, groups=1, middle=None),
            )
        )
