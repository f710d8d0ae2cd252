"""Stems map images ``(N, 3, H, W)`` to the first stage's input ``(N, C, H/4, W/4)``.

A `bare` one has no norm and ReLU behind its last convolution: those of the first block follow.
"""

from torch import Tensor, nn

from backbones.blocks import Spatial, conv


class PlainStem(nn.Module):
    """7x7 convolution and max pool (ResNet-A and B)."""

    def __init__(self, channels: int, bare: bool = False) -> None:
        super().__init__()
        self.conv1 = conv(3, channels, 7, stride=2)
        self.norm1 = None if bare else nn.BatchNorm2d(channels)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return self.pool(self.norm1(x).relu_() if self.norm1 else x)


class DeepStem(nn.Module):
    """Three 3x3 convolutions and max pool (section 4, ResNet-C).

    The first two have half of the channels; `spatial` makes the one in the middle.
    """

    def __init__(self, channels: int, spatial: Spatial = conv, bare: bool = False) -> None:
        super().__init__()
        self.conv1 = conv(3, channels // 2, 3, stride=2)
        self.norm1 = nn.BatchNorm2d(channels // 2)
        self.conv2 = spatial(channels // 2, channels // 2)
        self.norm2 = nn.BatchNorm2d(channels // 2)
        self.conv3 = conv(channels // 2, channels, 3)
        self.norm3 = None if bare else nn.BatchNorm2d(channels)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.conv1(x)).relu_()
        x = self.norm2(self.conv2(x)).relu_()
        x = self.conv3(x)
        return self.pool(self.norm3(x).relu_() if self.norm3 else x)
