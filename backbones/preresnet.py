"""PreResNet (ResNet v2): batch norm and ReLU stand before each convolution, the sum stays bare.

Paper: He, Zhang, Ren, Sun, "Identity Mappings in Deep Residual Networks", ECCV 2016
(arXiv:1603.05027), Figure 4(e) and the appendix. As in timm's ``resnetv2_50``, the stride stands on
the bottleneck's 3x3 (variant B), and D adds the tweaks of "Bag of Tricks" (``resnetv2_50d``).

A stage hands on the bare sum, as timm's features do; the last one ends in the norm and ReLU that
the paper puts behind the last block, so that the head and a detector see the same map. The stem has
no norm behind its last convolution: that of the first block follows.
"""

from functools import partial

from torch import Tensor, nn

from backbones.blocks import PooledShortcut, StridedShortcut, conv
from backbones.initialisation import initialise
from backbones.registry import BackboneInfo, register
from backbones.residual import DEPTHS, ResidualNet, residual_net, scaled


class PrePlainStem(nn.Module):
    """7x7 convolution and max pool: ``(N, 3, H, W)`` to ``(N, C, H/4, W/4)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(3, channels, 7, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.conv1(x))


class PreDeepStem(nn.Module):
    """Three 3x3 convolutions and max pool: same shapes as `PrePlainStem`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(3, channels // 2, 3, stride=2)
        self.norm1 = nn.BatchNorm2d(channels // 2)
        self.conv2 = conv(channels // 2, channels // 2, 3)
        self.norm2 = nn.BatchNorm2d(channels // 2)
        self.conv3 = conv(channels // 2, channels, 3)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.conv1(x)).relu_()
        x = self.norm2(self.conv2(x)).relu_()
        return self.pool(self.conv3(x))


class PreBasicBlock(nn.Module):
    """Two 3x3 convolutions (PreResNet-18, 34): ``(N, in, H, W)`` to ``(N, out, H/s, W/s)``.

    A projection in the shortcut takes the activated input, an identity the bare one (appendix).
    `first_dilation` is that of the first 3x3, where it differs from the stage's `dilation`.
    """

    expansion = 1

    def __init__(
        self,
        inputs: int,
        planes: int,
        stride: int,
        dilation: int,
        shortcut: nn.Module,
        first_dilation: int | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, planes, 3, stride, first_dilation or dilation)
        self.norm2 = nn.BatchNorm2d(planes)
        self.conv2 = conv(planes, planes, 3, dilation=dilation)
        self.shortcut = shortcut

    def start_as_shortcut(self) -> None:
        """The last convolution starts at 0, so that the block gives what its shortcut gives.

        Here the last norm stands before a ReLU: with its gamma at 0, nothing in the block would
        ever get a gradient.
        """
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x).relu_()
        shortcut = x if isinstance(self.shortcut, nn.Identity) else self.shortcut(y)
        y = self.conv1(y)
        y = self.conv2(self.norm2(y).relu_())
        return y.add_(shortcut)


class PreBottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions (PreResNet-50 up): ``(N, in, H, W)`` to ``(N, 4p, H/s, W/s)``.

    The stride stands on the 3x3. See `PreBasicBlock`.
    """

    expansion = 4

    def __init__(
        self,
        inputs: int,
        planes: int,
        stride: int,
        dilation: int,
        shortcut: nn.Module,
        first_dilation: int | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, planes, 1)
        self.norm2 = nn.BatchNorm2d(planes)
        self.conv2 = conv(planes, planes, 3, stride, first_dilation or dilation)
        self.norm3 = nn.BatchNorm2d(planes)
        self.conv3 = conv(planes, planes * self.expansion, 1)
        self.shortcut = shortcut

    def start_as_shortcut(self) -> None:
        """As `PreBasicBlock.start_as_shortcut`."""
        nn.init.zeros_(self.conv3.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x).relu_()
        shortcut = x if isinstance(self.shortcut, nn.Identity) else self.shortcut(y)
        y = self.conv1(y)
        y = self.conv2(self.norm2(y).relu_())
        y = self.conv3(self.norm3(y).relu_())
        return y.add_(shortcut)


class NormRelu(nn.Module):
    """What stands behind the last block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x).relu_()


def preresnet(
    num_classes: int,
    *,
    depth: int,
    variant: str,
    width: float = 1.0,
    output_stride: int = 32,
    zero_gamma: bool = False,
    init: str = "kaiming",
    gradient_checkpointing: bool = False,
) -> ResidualNet:
    """Build a PreResNet of the given depth (18, 34, 50, 101, 152) and variant (b, d).

    Args:
        num_classes: Width of the head.
        depth: Number of layers with weights.
        variant: b: 7x7 stem, strided shortcut; d: deep stem, pooled shortcut.
        width: Factor on all channel counts (rounded to a multiple of 8).
        output_stride: Input pixels per pixel of the last map: 8, 16 or 32.
        zero_gamma: Start each block as its shortcut, by a last convolution of 0.
        init: ``kaiming`` or ``xavier``, see `initialise`.
        gradient_checkpointing: Trade time for memory in training.

    Raises:
        UserError: `width`, `output_stride` or `init` out of range.
    """
    block = PreBottleneck if depth >= 50 else PreBasicBlock
    shortcut = PooledShortcut if variant == "d" else StridedShortcut
    model = residual_net(
        num_classes,
        stem=PreDeepStem if variant == "d" else PrePlainStem,
        depths=DEPTHS[depth],
        planes=scaled((64, 128, 256, 512), width),
        blocks=[block] * 4,
        expansion=block.expansion,
        shortcut=partial(shortcut, norm=nn.Identity),
        output_stride=output_stride,
        gradient_checkpointing=gradient_checkpointing,
    )
    model.stages[-1].add_module("last", NormRelu(model.feature_info.channels[-1]))
    initialise(model, init, zero_gamma)
    return model


for _depth in DEPTHS:
    for _variant in "bd":
        register(
            BackboneInfo(
                name=f"preresnet{_depth}_{_variant}",
                family="preresnet",
                paper="He et al., Identity Mappings in Deep Residual Networks, ECCV 2016",
                source="arXiv:1603.05027, Figure 4(e) and appendix; variant: arXiv:1812.01187",
                input_size=224,
                factory=partial(preresnet, depth=_depth, variant=_variant),
            )
        )
