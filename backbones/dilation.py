"""Smaller output strides for a network that was built for stride 32: dilation in place of stride.

A strided layer then looks at every position (stride 1), and what follows skips the positions
between (dilation 2): at the positions that the strided network has, the dilated one computes the
same values with the same weights. Source: Yu and Koltun, arXiv:1511.07122; Chen et al.,
arXiv:1412.7062, section 3.1 ("atrous").
"""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from tricklift.errors import UserError

SHORTCUTS = ("downsample", "shortcut")


def dilate(
    stages: Sequence[nn.Module], strides: Sequence[int], output_stride: int
) -> tuple[int, ...]:
    """Let no stage go beyond `output_stride`, by dilating the later ones in place.

    Equal to the strided network at its positions where the input is a multiple of the strided
    network's last stride; else away from the right and lower border, as far as 2x2 pools without
    padding shift it there. A global average (squeeze-and-excitation) differs by nature, since it
    runs over more positions.

    Args:
        stages: Run in a row; inside a stage the children of every module stand in the order in
            which they run, and at most one layer of each path has stride 2.
        strides: Of the stages' outputs, each 1 or 2 times the one before.
        output_stride: 8, 16 or 32.

    Returns:
        The strides of the stages' outputs now.

    Raises:
        UserError: Another output stride, or a layer that cannot be dilated.
    """
    if output_stride not in (8, 16, 32):
        raise UserError(f"output_stride must be one of 8, 16, 32; got {output_stride!r}")
    rate = 1
    for stage, stride in zip(stages, strides, strict=True):
        if stride > output_stride:
            _dilate(stage, rate, rate)
            rate *= 2
    return tuple(min(stride, output_stride) for stride in strides)


def _dilate(module: nn.Module, outer: int, rate: int) -> int:
    """Dilate the children of `module`; returns the rate behind it.

    `outer` is the rate at the stage's input, where every strided layer stands; `rate` is that of
    layers here: `outer` before the strided layer and twice that behind it.
    """
    for name, child in module.named_children():
        if name in SHORTCUTS:
            _dilate(child, outer, outer)
        elif any(True for _ in child.children()) or not hasattr(child, "stride"):
            rate = _dilate(child, outer, rate)
        elif _pair(child.stride) == (1, 1):
            setattr(module, name, _dense(child, rate))
        else:
            setattr(module, name, _dense(child, outer))
            rate = 2 * outer
    return rate


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _dense(layer: nn.Module, rate: int) -> nn.Module:
    """A layer at stride 1 with dilation `rate`: a convolution is changed, a pool replaced."""
    if type(layer) is nn.Conv2d and layer.dilation == (1, 1) and layer.padding_mode == "zeros":
        same = tuple(k // 2 for k in layer.kernel_size)
        if layer.padding == same and all(k % 2 for k in layer.kernel_size):
            layer.stride = (1, 1)
            if layer.kernel_size != (1, 1):
                layer.dilation = (rate, rate)
                layer.padding = (same[0] * rate, same[1] * rate)
            return layer
    if type(layer) is nn.MaxPool2d or type(layer) is nn.AvgPool2d:
        kernel, padding = _pair(layer.kernel_size), _pair(layer.padding)
        average = isinstance(layer, nn.AvgPool2d)
        counts = not average or layer.count_include_pad or padding == (0, 0)
        if counts and (kernel, padding) in (((2, 2), (0, 0)), ((3, 3), (1, 1))):
            return DensePool(kernel[0], rate, average)
    raise UserError(f"cannot dilate {layer}: its windows are not centred, or of an unknown kind")


class DensePool(nn.Module):
    """A 2x2 or 3x3 pool at stride 1 over positions `dilation` apart; keeps the size.

    Position p of a 2x2 pool sees p and p + dilation (the border repeated), of a 3x3 one also
    p - dilation (padded with 0 for the average, with -inf for the maximum).
    """

    def __init__(self, kernel: int, dilation: int, average: bool) -> None:
        super().__init__()
        self.kernel, self.dilation, self.average = kernel, dilation, average

    def extra_repr(self) -> str:
        kind = "average" if self.average else "maximum"
        return f"{kind}, kernel={self.kernel}, dilation={self.dilation}"

    def forward(self, x: Tensor) -> Tensor:
        d, (height, width) = self.dilation, x.shape[2:]
        if self.kernel == 2:
            x = F.pad(x, (0, d, 0, d), mode="replicate")
        elif self.average:
            x = F.pad(x, (d, d, d, d))
        else:
            x = F.pad(x, (d, d, d, d), value=float("-inf"))
        if not self.average:
            return F.max_pool2d(x, self.kernel, stride=1, dilation=d)
        total = sum(
            x[:, :, i * d : i * d + height, j * d : j * d + width]
            for i in range(self.kernel)
            for j in range(self.kernel)
        )
        assert isinstance(total, Tensor)
        return total / self.kernel**2
