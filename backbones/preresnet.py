"""PreResNet (ResNet v2): batch norm and ReLU stand before each convolution, the sum stays bare.

Paper: He, Zhang, Ren, Sun, "Identity Mappings in Deep Residual Networks", ECCV 2016
(arXiv:1603.05027), Figure 4(e) and the appendix. As in timm's ``resnetv2_50``, the stride stands on
the bottleneck's 3x3 (variant B), and D adds the tweaks of "Bag of Tricks" (``resnetv2_50d``).

The features of a stage are the bare sum, as timm's are; the last one ends in the norm and ReLU that
the paper puts behind the last block, so that the head and a detector see the same map.
"""

from functools import partial
from typing import Unpack

from torch import Tensor, nn

from backbones.blocks import Shortcut, conv
from backbones.registry import register
from backbones.residual import DEPTHS, Common, residual_net
from backbones.staged import StagedNet
from backbones.stems import DeepStem, PlainStem


class PreBlock(nn.Module):
    """Two 3x3 convolutions, or 1x1, 3x3 and 1x1: ``(N, in, H, W)`` to ``(N, out, H/s, W/s)``.

    A projection in the shortcut takes the activated input, an identity the bare one (appendix).

    Args: As of `blocks.Bottleneck`, whose 3x3 is the first one here, and
        bottleneck: The second form (PreResNet-50 up), with 4 output channels a plane.
    """

    def __init__(
        self,
        inputs: int,
        planes: int,
        stride: int,
        dilation: int,
        shortcut: nn.Module,
        first_dilation: int | None = None,
        bottleneck: bool = False,
    ) -> None:
        super().__init__()
        first = first_dilation or dilation
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, planes, *((1,) if bottleneck else (3, stride, first)))
        self.norm2 = nn.BatchNorm2d(planes)
        self.conv2 = conv(planes, planes, 3, *((stride, first) if bottleneck else (1, dilation)))
        self.bottleneck = bottleneck
        if bottleneck:
            self.norm3 = nn.BatchNorm2d(planes)
            self.conv3 = conv(planes, planes * 4, 1)
        self.shortcut = shortcut

    def start_as_shortcut(self) -> None:
        """The last convolution starts at 0, so that the block gives what its shortcut gives.

        Here no norm is the last, and the last one stands before a ReLU: with its gamma at 0,
        nothing in the block would ever get a gradient.
        """
        nn.init.zeros_((self.conv3 if self.bottleneck else self.conv2).weight)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x).relu_()
        shortcut = x if isinstance(self.shortcut, nn.Identity) else self.shortcut(y)
        y = self.conv1(y)
        y = self.conv2(self.norm2(y).relu_())
        if self.bottleneck:
            y = self.conv3(self.norm3(y).relu_())
        return y.add_(shortcut)


class NormRelu(nn.Module):
    """What stands behind the last block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x).relu_()


def preresnet(num_classes: int, *, depth: int, variant: str, **common: Unpack[Common]) -> StagedNet:
    """Build a PreResNet of the given depth (18, 34, 50, 101, 152) and variant (b, d).

    Args:
        variant: b: 7x7 stem, strided shortcut; d: deep stem, pooled shortcut.
        **common: See `Common`; with `zero_gamma` the last convolution of a block starts at 0.

    Raises:
        UserError: One of `common` is out of range.
    """
    bottleneck = depth >= 50
    return residual_net(
        num_classes,
        stem=partial(DeepStem if variant == "d" else PlainStem, bare=True),
        depths=DEPTHS[depth],
        blocks=[partial(PreBlock, bottleneck=bottleneck)] * 4,
        expansion=4 if bottleneck else 1,
        shortcut=partial(Shortcut, pooled=variant == "d", norm=nn.Identity),
        last=NormRelu,
        **common,
    )


register(
    "preresnet",
    "He et al., Identity Mappings in Deep Residual Networks, ECCV 2016",
    "arXiv:1603.05027, Figure 4(e) and appendix; variant: arXiv:1812.01187",
    {
        f"preresnet{depth}_{variant}": partial(preresnet, depth=depth, variant=variant)
        for depth in DEPTHS
        for variant in "bd"
    },
)
