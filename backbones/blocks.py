"""The residual blocks of ResNet and its relatives, and their shortcuts.

A family is made by what it puts into a block: `spatial` is what mixes neighbouring pixels (a 3x3
convolution, a grouped or deformable one, an involution), `attention` what weighs the channels of
the result (nothing, or squeeze-and-excitation). So no block asks which family it is in.
"""

from collections.abc import Callable

from torch import Tensor, nn

#: Makes a module that maps ``(N, inputs, H, W)`` to ``(N, outputs, H/s, W/s)``, sizes up. Called
#: with inputs, outputs and, by keyword, stride and dilation.
Spatial = Callable[..., nn.Module]
#: Makes a module that maps so many channels to as many: attention, or a norm.
Channelwise = Callable[[int], nn.Module]


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1, groups: int = 1
) -> nn.Conv2d:
    """A convolution without bias that keeps the size at stride 1."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)


class Shortcut(nn.Module):
    """1x1 projection that carries the stride itself, and so skips 3 of 4 inputs at stride 2.

    With `pooled`, an average pool carries it (section 4, ResNet-D). At stride 1, as in a dilated
    stage, there is none. An odd side is rounded up, as the strided 3x3 of the other path does, and
    padding does not count in the average.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        pooled: bool = False,
        norm: Channelwise = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        pools = pooled and stride > 1
        pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
        self.pool = pool if pools else nn.Identity()
        self.conv = conv(inputs, outputs, 1, 1 if pools else stride)
        self.norm = norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(self.pool(x)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions (ResNet-18 and 34): ``(N, in, H, W)`` to ``(N, out, H/s, W/s)``.

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
        spatial: Spatial = conv,
        attention: Channelwise = nn.Identity,
    ) -> None:
        super().__init__()
        first_dilation = first_dilation or dilation
        self.conv1 = spatial(inputs, planes, stride=stride, dilation=first_dilation)
        self.norm1 = nn.BatchNorm2d(planes)
        self.conv2 = spatial(planes, planes, dilation=dilation)
        self.norm2 = nn.BatchNorm2d(planes)
        self.attention = attention(planes)
        self.shortcut = shortcut

    def start_as_shortcut(self) -> None:
        """Zero gamma: the block gives what its shortcut gives."""
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.conv1(x)).relu_()
        y = self.attention(self.norm2(self.conv2(y)))
        return y.add_(self.shortcut(x)).relu_()


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions (ResNet-50 up): ``(N, in, H, W)`` to ``(N, 4p, H/s, W/s)``.

    Args:
        inputs: Channels of the input.
        planes: A quarter of the channels of the output.
        stride: Stands on the 3x3 (ResNet-B on), or on the first 1x1 with `stride_first` (A).
        dilation: That of the stage.
        shortcut: Maps the input to the shape of the output.
        first_dilation: Dilation of this block's 3x3, where it differs from the stage's.
        spatial: Makes what stands in the middle.
        attention: Makes what weighs the output's channels before the shortcut is added.
        stride_first: See `stride`.
        middle: Channels in the middle, as a function of `planes`; None is `planes`.
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
        spatial: Spatial = conv,
        attention: Channelwise = nn.Identity,
        stride_first: bool = False,
        middle: Callable[[int], int] | None = None,
    ) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_first else (1, stride)
        width, outputs = middle(planes) if middle else planes, planes * self.expansion
        self.conv1 = conv(inputs, width, 1, first)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = spatial(width, width, stride=second, dilation=first_dilation or dilation)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, outputs, 1)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.attention = attention(outputs)
        self.shortcut = shortcut

    def start_as_shortcut(self) -> None:
        """Zero gamma: the block gives what its shortcut gives."""
        nn.init.zeros_(self.norm3.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.conv1(x)).relu_()
        y = self.norm2(self.conv2(y)).relu_()
        y = self.attention(self.norm3(self.conv3(y)))
        return y.add_(self.shortcut(x)).relu_()


class SqueezeExcite(nn.Module):
    """Global mean, a bottleneck of two 1x1 convolutions, and a sigmoid weight per channel.

    Maps ``(N, C, H, W)`` to the same shape. Stands on the last norm of a block, before the shortcut
    is added (section 3.3). `reduction`: C divided by the width of the bottleneck (the paper's r).

    Source: Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018 (arXiv:1709.01507),
    equations (2) to (4). As in timm, the bottleneck is a multiple of 8 and at least 8 wide; in the
    paper's networks from 50 layers on this changes nothing.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(8, round(channels / reduction / 8) * 8)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.reduce(x.mean(dim=(2, 3), keepdim=True)).relu_()
        return x * self.expand(weight).sigmoid()
