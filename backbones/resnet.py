"""ResNet with the three tweaks of "Bag of Tricks" (variants A to D), ResNeXt and SE-ResNet.

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

ResNeXt (Xie et al., CVPR 2017, arXiv:1611.05431, Table 1) splits the 3x3 of a bottleneck into
groups, and is wider for it: in ``resnext50_32x4d_b``, 32 groups have 4 channels each in the first
stage, doubling from stage to stage. SE-ResNet (Hu et al., CVPR 2018, arXiv:1709.01507, Table 1) is
a ResNet with ``se=True``. The networks of these papers have the stride of variant B and A (timm's
``legacy_seresnet50``); here both stand on B and D.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Unpack

from backbones.blocks import BasicBlock, Bottleneck, Shortcut, SqueezeExcite, conv
from backbones.deformable import DeformableConv, checked_stages
from backbones.registry import register
from backbones.residual import DEPTHS, Block, Common, residual_net
from backbones.staged import StagedNet
from backbones.stems import DeepStem, PlainStem


def resnet(
    num_classes: int,
    *,
    depth: int,
    variant: str,
    groups: int = 1,
    per_group: int | None = None,
    se: bool = False,
    deformable_stages: Sequence[int] = (),
    deformable_modulated: bool = False,
    **common: Unpack[Common],
) -> StagedNet:
    """Build a ResNet of the given depth (18, 34, 50, 101, 152) and variant (a, b, c, d).

    Args:
        variant: See the table at the top of the file.
        groups: Of the 3x3 convolutions (ResNeXt).
        per_group: Channels of a group where a bottleneck has 64 planes (ResNeXt).
        se: Squeeze-and-excitation in every block, see `SqueezeExcite`.
        deformable_stages: Stages, counted from 0, whose 3x3 convolutions are deformable.
        deformable_modulated: Version 2 of it, see `deformable`.
        **common: See `Common`.

    Raises:
        UserError: `deformable_stages` or one of `common` out of range.
    """

    def middle(planes: int) -> int:
        return groups * max(1, planes * per_group // 64) if per_group else planes

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
    return residual_net(
        num_classes,
        stem=DeepStem if variant in "cd" else PlainStem,
        depths=DEPTHS[depth],
        blocks=[deformable if i in chosen else plain for i in range(4)],
        expansion=BasicBlock.expansion if depth < 50 else Bottleneck.expansion,
        shortcut=partial(Shortcut, pooled=variant == "d"),
        **common,
    )


def _variants(name: str, variants: str, **settings: Any) -> dict[str, Any]:
    """What builds a network in each variant; all that a name says is no option any more."""
    bound = {"groups": 1, "per_group": None, **settings}
    return {f"{name}_{each}": partial(resnet, **bound, variant=each) for each in variants}


for _depth in DEPTHS:
    register(
        "resnet",
        "He et al., Bag of Tricks for Image Classification with CNNs, CVPR 2019",
        "arXiv:1812.01187, section 4 and Figure 2; arXiv:1512.03385, Table 1",
        _variants(f"resnet{_depth}", "abcd", depth=_depth),
    )
for _depth, _groups, _each in ((50, 32, 4), (101, 32, 4), (101, 32, 8), (101, 64, 4)):
    _name = f"resnext{_depth}_{_groups}x{_each}d"
    register(
        "resnext",
        "Xie et al., Aggregated Residual Transformations, CVPR 2017",
        "arXiv:1611.05431, Table 1 and section 3; variant: arXiv:1812.01187",
        _variants(_name, "bd", depth=_depth, groups=_groups, per_group=_each),
    )
for _depth in DEPTHS:
    register(
        "seresnet",
        "Hu et al., Squeeze-and-Excitation Networks, CVPR 2018",
        "arXiv:1709.01507, section 3 and Table 1; variant: arXiv:1812.01187",
        _variants(f"seresnet{_depth}", "bd", depth=_depth, se=True),
    )
