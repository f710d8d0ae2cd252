"""Smaller output strides for a network that was built for stride 32: dilation in place of stride.

A strided layer then looks at every position (stride 1), and what follows skips the positions
between (dilation 2): at the positions that the strided network has, the dilated one computes the
same values with the same weights. Source: Yu and Koltun, arXiv:1511.07122; Chen et al.,
arXiv:1412.7062, section 3.1 ("atrous").
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

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
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d) and (
        (_pair(layer.kernel_size), _pair(layer.padding)) == ((2, 2), (0, 0))
    ):
        return DensePool(rate, average=isinstance(layer, nn.AvgPool2d))
    raise UserError(
        f"cannot dilate {layer}: its windows are not centred, or of an unknown kind; "
        "use output_stride=32"
    )


class DensePool(nn.Module):
    """A 2x2 pool at stride 1 over positions `dilation` apart; keeps the size.

    Position p sees p and p + dilation, the border repeated.
    """

    def __init__(self, dilation: int, average: bool) -> None:
        super().__init__()
        self.dilation, self.average = dilation, average

    def extra_repr(self) -> str:
        return f"{'average' if self.average else 'maximum'}, dilation={self.dilation}"

    def forward(self, x: Tensor) -> Tensor:
        d = self.dilation
        x = F.pad(x, (0, d, 0, d), mode="replicate")
        if not self.average:
            return F.max_pool2d(x, 2, stride=1, dilation=d)
        return (x[..., :-d, :-d] + x[..., :-d, d:] + x[..., d:, :-d] + x[..., d:, d:]) / 4
