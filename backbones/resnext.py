"""ResNeXt: ResNet bottlenecks whose 3x3 is split into groups, and wider for it.

Paper: Xie, Girshick, Dollar, Tu, He, "Aggregated Residual Transformations for Deep Neural
Networks", CVPR 2017 (arXiv:1611.05431), Table 1. In ``resnext50_32x4d_b``, 32 groups have 4
channels each in the first stage, doubling from stage to stage. The paper's own networks have the
stride of variant B; D puts the tweaks of "Bag of Tricks" on top.
"""

from functools import partial

from backbones.registry import BackboneInfo, register
from backbones.resnet import resnet

NETWORKS = ((50, 32, 4), (101, 32, 4), (101, 32, 8), (101, 64, 4))


def grouped_width(planes: int, groups: int, per_group: int) -> int:
    """Channels in the middle of a bottleneck: `per_group` a group where `planes` are 64."""
    return groups * max(1, planes * per_group // 64)


for _depth, _groups, _per_group in NETWORKS:
    for _variant in "bd":
        register(
            BackboneInfo(
                name=f"resnext{_depth}_{_groups}x{_per_group}d_{_variant}",
                family="resnext",
                paper="Xie et al., Aggregated Residual Transformations, CVPR 2017",
                source="arXiv:1611.05431, Table 1 and section 3; variant: arXiv:1812.01187",
                input_size=224,
                factory=partial(
                    resnet,
                    depth=_depth,
                    variant=_variant,
                    groups=_groups,
                    middle=partial(grouped_width, groups=_groups, per_group=_per_group),
                ),
            )
        )
