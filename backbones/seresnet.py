"""SE-ResNet: a ResNet with squeeze-and-excitation in every block.

Paper: Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018 (arXiv:1709.01507), Table 1.
Deviation: the paper's own networks have variant A's stride (timm's ``legacy_seresnet50``); here
they stand on variants B (timm's ``seresnet50``) and D. The same as option ``se=True`` of a ResNet.
"""

from functools import partial

from backbones.registry import BackboneInfo, register
from backbones.residual import DEPTHS
from backbones.resnet import resnet

for _depth in DEPTHS:
    for _variant in "bd":
        register(
            BackboneInfo(
                name=f"seresnet{_depth}_{_variant}",
                family="seresnet",
                paper="Hu et al., Squeeze-and-Excitation Networks, CVPR 2018",
                source="arXiv:1709.01507, section 3 and Table 1; variant: arXiv:1812.01187",
                input_size=224,
                factory=partial(
                    resnet, depth=_depth, variant=_variant, groups=1, middle=None, se=True
                ),
            )
        )
