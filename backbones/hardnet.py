"""HarDNet: a DenseNet with few, harmonic connections, for low memory traffic.

Paper: Chao, Kao, Ruan, Huang, Lin, "HarDNet: A Low Memory Traffic Network", ICCV 2019
(arXiv:1909.00948), section 3 and Table 1; details from the authors' public code
(https://github.com/PingoLH/Pytorch-HarDNet).

Layer l of a block reads the outputs of the layers l - 2^i for every i with 2^i dividing l (layer 0
is the block's input) and is k * m^n channels wide, n being the number of such i above 0. The block
hands on its odd layers and its last, and a 1x1 convolution follows ("transition").

In the DS networks each 3x3 convolution of a block is a 1x1 and a depthwise 3x3 without activation,
pools are such a depthwise convolution with stride 2, and the stem's second convolution is 1x1. The
authors train with dropout before the head, which is left out here.
"""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from backbones.blocks import conv
from backbones.dilation import dilate
from backbones.features import FeatureInfo
from backbones.initialisation import initialise
from backbones.registry import register
from backbones.staged import StagedNet
from tricklift.errors import UserError


@dataclass(frozen=True)
class Plan:
    """A column of the paper's Table 1: m, the stem's channels, and of each block k, its layers, the
    channels behind the transition, and which blocks (from 0) a pool follows.
    """

    multiplier: float
    stem: tuple[int, int]
    growth: tuple[int, ...]
    layers: tuple[int, ...]
    outputs: tuple[int, ...]
    pooled: tuple[int, ...]
    depthwise: bool = False


_68 = Plan(
    1.7, (32, 64), (14, 16, 20, 40, 160), (8, 16, 16, 16, 4), (128, 256, 320, 640, 1024), (0, 2, 3)
)
PLANS = {
    "hardnet39ds": Plan(
        1.6, (24, 48), (16, 20, 64, 160), (4, 16, 8, 4), (96, 320, 640, 1024), (0, 1, 2), True
    ),
    "hardnet68": _68,
    "hardnet68ds": replace(_68, depthwise=True),
    "hardnet85": Plan(
        multiplier=1.7,
        stem=(48, 96),
        growth=(24, 24, 28, 36, 48, 256),
        layers=(8, 16, 16, 16, 16, 4),
        outputs=(192, 256, 320, 480, 720, 1280),
        pooled=(0, 2, 4),
    ),
}


class ConvUnit(nn.Sequential):
    """Convolution, batch norm, ReLU6; keeps the size at stride 1."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs, kernel, stride)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = nn.ReLU6(inplace=True)


class DepthwiseUnit(nn.Sequential):
    """Depthwise 3x3 convolution and batch norm, without activation."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = conv(channels, channels, stride=stride, groups=channels)
        self.norm = nn.BatchNorm2d(channels)


class SeparableUnit(nn.Sequential):
    """1x1 `ConvUnit`, then a `DepthwiseUnit`: a 3x3 convolution of the DS networks."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.pointwise = ConvUnit(inputs, outputs, kernel=1)
        self.depthwise = DepthwiseUnit(outputs)


def links(layer: int) -> list[int]:
    """The layers that `layer` (from 1) reads, nearest first; 0 is the block's input."""
    return [layer - 2**i for i in range(layer.bit_length()) if layer % 2**i == 0]


def width(layer: int, growth: int, multiplier: float) -> int:
    """Channels of `layer` (from 1): growth * multiplier^(links above the first), made even."""
    value = growth * multiplier ** (len(links(layer)) - 1)
    return int(int(value + 1) / 2) * 2


class HarmonicBlock(nn.Module):
    """Layers with harmonic links: ``(N, inputs, H, W)`` to ``(N, out_channels, H, W)``."""

    def __init__(
        self, inputs: int, growth: int, multiplier: float, layers: int, depthwise: bool
    ) -> None:
        super().__init__()
        unit = SeparableUnit if depthwise else ConvUnit
        widths = [inputs, *(width(i, growth, multiplier) for i in range(1, layers + 1))]
        self.layers = nn.ModuleList(
            unit(sum(widths[j] for j in links(i)), widths[i]) for i in range(1, layers + 1)
        )
        self.kept = [i for i in range(1, layers + 1) if i % 2 or i == layers]
        self.out_channels = sum(widths[i] for i in self.kept)

    def forward(self, x: Tensor) -> Tensor:
        outputs = [x]
        for i, layer in enumerate(self.layers, start=1):
            read = [outputs[j] for j in links(i)]
            outputs.append(layer(torch.cat(read, 1) if len(read) > 1 else read[0]))
        return torch.cat([outputs[i] for i in self.kept], 1)


def _stem(plan: Plan) -> nn.Sequential:
    first, second = plan.stem
    kernel = 1 if plan.depthwise else 3
    pool = DepthwiseUnit(second, 2) if plan.depthwise else nn.MaxPool2d(3, 2, padding=1)
    return nn.Sequential(ConvUnit(3, first, stride=2), ConvUnit(first, second, kernel), pool)


def _stages(plan: Plan) -> list[nn.Sequential]:
    """Four stages; the pool behind a block stands at the start of the next stage."""
    stages = [nn.Sequential()]
    inputs = plan.stem[1]
    for i, (growth, layers, outputs) in enumerate(
        zip(plan.growth, plan.layers, plan.outputs, strict=True)
    ):
        if i - 1 in plan.pooled:
            pool = DepthwiseUnit(inputs, 2) if plan.depthwise else nn.MaxPool2d(2, 2)
            stages.append(nn.Sequential(pool))
        block = HarmonicBlock(inputs, growth, plan.multiplier, layers, plan.depthwise)
        stages[-1].extend([block, ConvUnit(block.out_channels, outputs, kernel=1)])
        inputs = outputs
    return stages


def hardnet(
    num_classes: int,
    *,
    plan: Plan,
    output_stride: int = 32,
    init: str = "kaiming",
    zero_gamma: bool = False,
) -> StagedNet:
    """Build a HarDNet.

    Args:
        plan: A column of the paper's Table 1.
        output_stride: 8, 16 or 32, by `backbones.dilation`.
        init: ``kaiming`` or ``xavier``, see `backbones.initialisation`.
        zero_gamma: Not defined here; True is an error that says so.

    Raises:
        UserError: An option out of range.
    """
    if zero_gamma:
        raise UserError(
            "zero_gamma is not defined for HarDNet: it concatenates and has no residual blocks; "
            "leave zero_gamma out"
        )
    stages = _stages(plan)
    channels = tuple(plan.outputs[i] for i in (*plan.pooled, len(plan.outputs) - 1))
    features = FeatureInfo(channels, dilate(stages, (4, 8, 16, 32), output_stride))
    head = nn.Linear(channels[-1], num_classes)
    model = StagedNet(_stem(plan), stages, head, features)
    initialise(model, init)
    return model


register(
    "hardnet",
    "Chao et al., HarDNet: A Low Memory Traffic Network, ICCV 2019",
    "arXiv:1909.00948, section 3 and Table 1; the authors' code",
    {name: partial(hardnet, plan=plan) for name, plan in PLANS.items()},
)
