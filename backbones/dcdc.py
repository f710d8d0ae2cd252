"""DCDC-ResNet: the 3x3 is the sum of a kernel per location and a kernel per image. Approximate.

Paper: Yan, Qin, Liu, Chen, "Dual Complementary Dynamic Convolution for Image Recognition", 2022
(arXiv:2211.06163). The authors' code, parameter counts and layer tables were not at hand. From the
paper comes the idea: features are a local part, which differs from place to place, and a global
part, which is shared by all places of an image; two branches compute them and are summed.

- Local branch: each location predicts its own K x K kernel from its own pixel, shared by the
  channels of a group. Assumed: exactly an involution, with 16 channels a group and reduction 4.
- Global branch: each image predicts one K x K kernel per channel, used at every location. Assumed:
  from the global mean, through a 1x1 bottleneck with reduction 4 and ReLU, without norm (a batch
  of one image must train), and depthwise.

Also assumed: K = 3 in both, as in the 3x3 that they replace, all of them; the sum bare, and the
block's norm and ReLU behind it; the rest a ResNet-B or D. So no accuracy of the paper is claimed.
"""

from functools import partial
from typing import Unpack

from torch import Tensor, nn

from backbones.blocks import Bottleneck, Shortcut
from backbones.involution import REDUCTION, Involution, involve
from backbones.registry import register
from backbones.residual import DEPTHS, Common, residual_net
from backbones.staged import StagedNet
from backbones.stems import DeepStem, PlainStem


class GlobalBranch(nn.Module):
    """A depthwise K x K convolution whose kernels the image predicts.

    ``(N, C, H, W)`` to ``(N, C, H/s, W/s)``.
    """

    def __init__(self, channels: int, stride: int, dilation: int, kernel: int) -> None:
        super().__init__()
        self.stride, self.dilation, self.taps = stride, dilation, kernel**2
        self.reduce = nn.Conv2d(channels, channels // REDUCTION, 1)
        self.span = nn.Conv2d(channels // REDUCTION, channels * self.taps, 1)

    def forward(self, x: Tensor) -> Tensor:
        kernels = self.span(self.reduce(x.mean(dim=(2, 3), keepdim=True)).relu_())
        return involve(x, kernels.unflatten(1, (-1, self.taps)), self.stride, self.dilation)


class DualConv(nn.Module):
    """Local plus global branch: ``(N, C, H, W)`` to ``(N, C, H/s, W/s)``, sizes up.

    As many outputs as inputs, a multiple of 16; `dilation` is the spacing of both kernels' taps.
    """

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1, kernel: int = 3
    ) -> None:
        super().__init__()
        self.local_branch = Involution(
            inputs, outputs, stride=stride, dilation=dilation, kernel=kernel
        )
        self.global_branch = GlobalBranch(inputs, stride, dilation, kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.local_branch(x) + self.global_branch(x)


def dcdc_resnet(
    num_classes: int, *, depth: int, variant: str, **common: Unpack[Common]
) -> StagedNet:
    """Build an approximate DCDC-ResNet of the given depth (50) and variant (b, d).

    Args:
        variant: b: 7x7 stem, strided shortcut; d: deep stem, pooled shortcut.
        **common: See `Common`; `width` gives multiples of 16, and `zero_gamma` is on by default,
            for RedNet's reason.

    Raises:
        UserError: One of `common` is out of range.
    """
    common.setdefault("zero_gamma", True)
    return residual_net(
        num_classes,
        stem=DeepStem if variant == "d" else PlainStem,
        depths=DEPTHS[depth],
        blocks=[partial(Bottleneck, spatial=DualConv)] * 4,
        expansion=Bottleneck.expansion,
        shortcut=partial(Shortcut, pooled=variant == "d"),
        multiple=16,
        **common,
    )


register(
    "dcdc",
    "Approximate: Yan et al., Dual Complementary Dynamic Convolution, 2022",
    "arXiv:2211.06163, the idea alone; assumptions: backbones/dcdc.py",
    {f"dcdc_resnet50_{v}": partial(dcdc_resnet, depth=50, variant=v) for v in "bd"},
    built_in=("zero_gamma",),
)
