"""Squeeze-and-excitation: each channel is weighed by what the whole image says.

Paper: Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018 (arXiv:1709.01507), section 3.
"""

from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """Global mean, a bottleneck of two 1x1 convolutions, and a sigmoid weight per channel.

    Maps ``(N, C, H, W)`` to the same shape. Stands on the last norm of a block, before the shortcut
    is added (section 3.3).

    Args:
        channels: C.
        reduction: C divided by the width of the bottleneck (the paper's r).

    Source: equations (2) to (4). As in timm, the bottleneck is a multiple of 8 and at least 8 wide;
    in the paper's networks from 50 layers on this changes nothing.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(8, round(channels / reduction / 8) * 8)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.reduce(x.mean(dim=(2, 3), keepdim=True)).relu_()
        return x * self.expand(weight).sigmoid()
