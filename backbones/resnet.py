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
The shape of the classes: a network is built from a stem and four stages; a stage is built from
blocks; a block is built from convolutions and, where its shape changes, a shortcut.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from backbones.features import FeatureInfo
from backbones.gradient_checkpointing import checkpointed
from backbones.registry import BackboneInfo, register

PAPER = "He et al., Bag of Tricks for Image Classification with CNNs, CVPR 2019"
BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps the size at stride 1."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)


class PlainStem(nn.Module):
    """7x7 convolution and max pool: ``(N, 3, H, W)`` to ``(N, C, H/4, W/4)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(3, channels, 7, stride=2)
        self.norm1 = nn.BatchNorm2d(channels)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.norm1(self.conv1(x)).relu_())


class DeepStem(nn.Module):
    """Three 3x3 convolutions and max pool (section 4, ResNet-C): same shapes as `PlainStem`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(3, channels // 2, 3, stride=2)
        self.norm1 = nn.BatchNorm2d(channels // 2)
        self.conv2 = conv(channels // 2, channels // 2, 3)
        self.norm2 = nn.BatchNorm2d(channels // 2)
        self.conv3 = conv(channels // 2, channels, 3)
        self.norm3 = nn.BatchNorm2d(channels)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.conv1(x)).relu_()
        x = self.norm2(self.conv2(x)).relu_()
        return self.pool(self.norm3(self.conv3(x)).relu_())


class StridedShortcut(nn.Module):
    """1x1 projection that carries the stride itself, and so skips 3 of 4 inputs at stride 2."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs, 1, stride)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class PooledShortcut(nn.Module):
    """Average pool, then a 1x1 projection at stride 1 (section 4, ResNet-D).

    At stride 1, as in a dilated stage, it does not pool. An odd side is rounded up, as the strided
    3x3 of the other path does, and padding does not count in the average.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
        self.pool = nn.Identity() if stride == 1 else pool
        self.conv = conv(inputs, outputs, 1)
        self.norm = nn.BatchNorm2d(outputs)

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
    ) -> None:
        super().__init__()
        self.conv1 = conv(inputs, planes, 3, stride, first_dilation or dilation)
        self.norm1 = nn.BatchNorm2d(planes)
        self.conv2 = conv(planes, planes, 3, dilation=dilation)
        self.norm2 = nn.BatchNorm2d(planes)
        self.shortcut = shortcut

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm whose gamma zero-gamma sets to 0."""
        return self.norm2

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.conv1(x)).relu_()
        y = self.norm2(self.conv2(y))
        return y.add_(self.shortcut(x)).relu_()


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions (ResNet-50 up): ``(N, in, H, W)`` to ``(N, 4p, H/s, W/s)``.

    The stride stands on the 3x3 (ResNet-B on), or on the first 1x1 with `stride_first` (A).
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
        stride_first: bool = False,
    ) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_first else (1, stride)
        self.conv1 = conv(inputs, planes, 1, first)
        self.norm1 = nn.BatchNorm2d(planes)
        self.conv2 = conv(planes, planes, 3, second, first_dilation or dilation)
        self.norm2 = nn.BatchNorm2d(planes)
        self.conv3 = conv(planes, planes * self.expansion, 1)
        self.norm3 = nn.BatchNorm2d(planes * self.expansion)
        self.shortcut = shortcut

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm whose gamma zero-gamma sets to 0."""
        return self.norm3

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.conv1(x)).relu_()
        y = self.norm2(self.conv2(y)).relu_()
        y = self.norm3(self.conv3(y))
        return y.add_(self.shortcut(x)).relu_()


Shortcut = Callable[[int, int, int], nn.Module]
Block = type[BasicBlock] | Callable[..., nn.Module]


class Stage(nn.Sequential):
    """A row of residual blocks; the first one changes channels, stride and dilation.

    The first 3x3 of a dilated stage uses half its dilation: it still sees the spacing of the stage
    before.
    """

    def __init__(
        self,
        inputs: int,
        planes: int,
        depth: int,
        stride: int,
        dilation: int,
        block: Callable[..., nn.Module],
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


class ResNet(nn.Module):
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


def strides_and_dilations(output_stride: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Strides and dilations of the four stages for a final stride of 8, 16 or 32.

    Raises:
        ValueError: Another output stride.
    """
    table = {
        32: ((1, 2, 2, 2), (1, 1, 1, 1)),
        16: ((1, 2, 2, 1), (1, 1, 1, 2)),
        8: ((1, 2, 1, 1), (1, 1, 2, 4)),
    }
    if output_stride not in table:
        raise ValueError(f"output_stride must be one of 8, 16, 32; got {output_stride!r}")
    return table[output_stride]


def initialise(model: nn.Module, init: str) -> None:
    """Draw the weights of convolutions and of the head; batch norm starts at gamma 1, beta 0.

    Args:
        model: The network, changed in place.
        init: ``xavier`` (uniform; the paper, section 2.1) or ``kaiming`` (normal, fan out; the
            authors' public code and torchvision; the head keeps torch's default).

    Raises:
        ValueError: Another `init`.
    """
    if init not in ("xavier", "kaiming"):
        raise ValueError(f"init must be 'xavier' (the paper) or 'kaiming'; got {init!r}")
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and init == "kaiming":
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Conv2d | nn.Linear) and init == "xavier":
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def zero_last_gammas(model: nn.Module) -> None:
    """Set gamma of each residual block's last batch norm to 0 (section 3.1, "Zero gamma")."""
    for module in model.modules():
        if isinstance(module, BasicBlock | Bottleneck):
            nn.init.zeros_(module.last_norm.weight)


def scaled(channels: int, width: float) -> int:
    """`channels` times `width`, to the nearest multiple of 8, at least 8."""
    return max(8, round(channels * width / 8) * 8)


def resnet(
    num_classes: int,
    *,
    depth: int,
    variant: str,
    width: float = 1.0,
    output_stride: int = 32,
    zero_gamma: bool = False,
    init: str = "kaiming",
    gradient_checkpointing: bool = False,
) -> ResNet:
    """Build a ResNet of the given depth (18, 34, 50, 101, 152) and variant (a, b, c, d).

    Args:
        num_classes: Width of the head.
        depth: Number of layers with weights.
        variant: See the table at the top of the file.
        width: Factor on all channel counts (rounded to a multiple of 8).
        output_stride: Input pixels per pixel of the last map: 8, 16 or 32.
        zero_gamma: Start each block as its shortcut.
        init: ``kaiming`` or ``xavier``, see `initialise`.
        gradient_checkpointing: Trade time for memory in training.

    Raises:
        ValueError: `width`, `output_stride` or `init` out of range.
    """
    if width <= 0:
        raise ValueError(f"width must be above 0, got {width}")
    block: Callable[..., nn.Module] = BasicBlock
    if depth >= 50:
        block = partial(Bottleneck, stride_first=variant == "a")
    expansion = Bottleneck.expansion if depth >= 50 else BasicBlock.expansion
    shortcut: Shortcut = PooledShortcut if variant == "d" else StridedShortcut
    planes = [scaled(p, width) for p in (64, 128, 256, 512)]
    strides, dilations = strides_and_dilations(output_stride)

    stages, inputs = [], planes[0]
    for i, stage_depth in enumerate(BLOCKS[depth]):
        dilated_here = i > 0 and dilations[i] > dilations[i - 1]
        stages.append(
            Stage(
                inputs,
                planes[i],
                stage_depth,
                strides[i],
                dilations[i],
                block,
                expansion,
                shortcut,
                dilated_here,
            )
        )
        inputs = planes[i] * expansion
    info = FeatureInfo(
        channels=tuple(p * expansion for p in planes),
        strides=tuple(min(s, output_stride) for s in (4, 8, 16, 32)),
    )
    stem = DeepStem(planes[0]) if variant in "cd" else PlainStem(planes[0])
    model = ResNet(stem, stages, info, num_classes, gradient_checkpointing)
    initialise(model, init)
    if zero_gamma:
        zero_last_gammas(model)
    return model


for _depth in BLOCKS:
    for _variant in "abcd":
        register(
            BackboneInfo(
                name=f"resnet{_depth}_{_variant}",
                family="resnet",
                paper=PAPER,
                source="arXiv:1812.01187, section 4 and Figure 2; arXiv:1512.03385, Table 1",
                input_size=224,
                factory=partial(resnet, depth=_depth, variant=_variant),
            )
        )
