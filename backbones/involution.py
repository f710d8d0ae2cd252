"""Involution: every pixel makes its own kernel, which a group of channels shares.

Paper: Li, Hu, Wang, Li, She, Zhu, Zhang, Chen, "Involution: Inverting the Inherence of Convolution
for Visual Recognition", CVPR 2021 (arXiv:2103.06255), equations (3) to (6) and algorithm 1.

Computed in two forms of the same sum over K*K taps, for an input of n numbers:

- `shifted`, on the CPU: each tap is a shifted view of the padded input times one slice of the
  kernels, added in place. Kept for the backward pass are input and kernels, n + n K*K/16 numbers
  (16 channels a group), 4.1 n for K = 7; in use at most, on a map of 28 x 28, 8 n more. It makes
  K*K passes over the input forward and 2 K*K backward, on a GPU a launch each.
- `unfolded`, on a GPU: the published form, a few launches on a K*K-fold copy of the input. Kept are
  52 n numbers, in use at most 150 n.

``python -m benchmarks involution`` measures both (``docs/results/involution.md``).
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.flop_counter import register_flop_formula

from tricklift.errors import UserError

GROUP_CHANNELS = 16
REDUCTION = 4


def involve(x: Tensor, kernels: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """Weigh and sum the K x K neighbours of every pixel with kernels of its own.

    Args:
        x: ``(N, C, H, W)``; neighbours outside of it count as 0.
        kernels: ``(N, G, K*K, H', W')`` with H' = ceil(H / stride), taps row by row; channel c
            takes group c // (C / G). ``(N, G, K*K, 1, 1)`` is one kernel for all positions.
        stride: Distance of the output's positions in x.
        dilation: Distance of a pixel's neighbours in x.

    Returns:
        ``(N, C, H', W')`` in x's dtype, summed in at least float32.
    """
    return (unfolded if x.is_cuda else shifted)(x, kernels, stride, dilation)


def unfolded(x: Tensor, kernels: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """`involve` through a K*K-fold copy of the input (algorithm 1)."""
    groups, side, size = _geometry(x, kernels, stride)
    copies = F.unfold(x, side, dilation, dilation * (side // 2), stride)
    weighed = copies.view(len(x), groups, -1, side**2, *size) * kernels.unsqueeze(2)
    return weighed.sum(3, dtype=_wide(x.dtype)).flatten(1, 2).to(x.dtype)


def shifted(x: Tensor, kernels: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """`involve` through shifted views of the input, keeping nothing but input and kernels."""
    tracing = torch.jit.is_tracing()  # ONNX takes operations, not functions of ours
    return (_forward if tracing else _Shifted.apply)(x, kernels, stride, dilation)


def _geometry(x: Tensor, kernels: Tensor, stride: int) -> tuple[int, int, tuple[int, int]]:
    """Groups, K, and height and width of the output (groups and taps: tensors in ONNX's trace)."""
    height, width = ((side - 1) // stride + 1 for side in x.shape[2:])
    return int(kernels.shape[1]), round(int(kernels.shape[2]) ** 0.5), (height, width)


def _windows(
    padded: Tensor, groups: int, side: int, size: tuple[int, int], stride: int, dilation: int
) -> Iterator[Tensor]:
    """For every tap the neighbours that it weighs, a view ``(N, G, C/G, H', W')`` of `padded`."""
    grouped = padded.unflatten(1, (groups, -1))
    height, width = ((s - 1) * stride + 1 for s in size)
    for tap in range(side**2):
        top, left = dilation * (tap // side), dilation * (tap % side)
        yield grouped[..., top : top + height : stride, left : left + width : stride]


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _forward(x: Tensor, kernels: Tensor, stride: int, dilation: int) -> Tensor:
    groups, side, size = _geometry(x, kernels, stride)
    padded = F.pad(x, (dilation * (side // 2),) * 4)
    shape = (x.shape[0], groups, x.shape[1] // groups, *size)
    out = torch.zeros(shape, dtype=_wide(x.dtype), device=x.device)
    windows = _windows(padded, groups, side, size, stride, dilation)
    for window, weight in zip(windows, kernels.unbind(2), strict=True):
        out.addcmul_(window, weight.unsqueeze(2))
    return out.flatten(1, 2).to(x.dtype)


class _Shifted(torch.autograd.Function):
    """`shifted` that keeps nothing but its inputs for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernels: Tensor, stride: int, dilation: int) -> Tensor:
        ctx.save_for_backward(x, kernels)
        ctx.stride, ctx.dilation = stride, dilation
        return _forward(x, kernels, stride, dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, kernels = ctx.saved_tensors
        groups, side, size = _geometry(x, kernels, ctx.stride)
        geometry = (groups, side, size, ctx.stride, ctx.dilation)
        border = ctx.dilation * (side // 2)
        padded = F.pad(x, (border,) * 4)
        padded_grad = torch.zeros_like(padded, dtype=_wide(x.dtype))
        kernels_grad = torch.empty_like(kernels)
        grouped = grad.unflatten(1, (groups, -1))
        shared = kernels.shape[3:] == (1, 1) != size  # one kernel for all positions
        windows = zip(_windows(padded, *geometry), _windows(padded_grad, *geometry), strict=True)
        for tap, (window, window_grad) in enumerate(windows):
            window_grad.addcmul_(grouped, kernels[:, :, tap].unsqueeze(2))
            product = grouped * window
            total = product.sum((2, 3, 4)) if shared else product.sum(2)
            kernels_grad[:, :, tap] = total[..., None, None] if shared else total
        height, width = x.shape[2:]
        x_grad = padded_grad[:, :, border : border + height, border : border + width]
        return x_grad.to(x.dtype), kernels_grad, None, None


@register_flop_formula(torch.ops.aten.addcmul_)
def _multiply_add(shape: torch.Size, *_: Any, **__: Any) -> int:
    """A multiplication and an addition for each number, so that involutions count as MACs."""
    return 2 * shape.numel()


class Involution(nn.Module):
    """Involution with its kernel generator: ``(N, C, H, W)`` to ``(N, C, H/s, W/s)``, sizes up.

    The generator is ``reduce`` (1x1), ``norm``, ReLU and ``span`` (1x1 with bias, to G * K * K),
    at stride 2 on the 2x2 average of the input (an odd side is rounded up, and padding does not
    count, where the authors' code takes even sizes alone).

    With dilation, the neighbourhood is spaced and the generator stays pointwise, without a pool: so
    it stands in the authors' detection code, though none of their configs and results uses it.

    C is a multiple of 16, there are as many outputs as inputs, and the stride is 1 or 2.

    Raises:
        UserError: C is no multiple of 16, or the outputs differ from the inputs.
    """

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1, kernel: int = 7
    ) -> None:
        super().__init__()
        if inputs != outputs or inputs % GROUP_CHANNELS:
            raise UserError(
                f"an involution has as many outputs as inputs, a multiple of {GROUP_CHANNELS}; "
                f"got {inputs} and {outputs}"
            )
        self.stride, self.dilation, self.kernel = stride, dilation, kernel
        self.groups = inputs // GROUP_CHANNELS
        pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
        self.pool = nn.Identity() if stride == 1 else pool
        self.reduce = nn.Conv2d(inputs, inputs // REDUCTION, 1, bias=False)
        self.norm = nn.BatchNorm2d(inputs // REDUCTION)
        self.span = nn.Conv2d(inputs // REDUCTION, self.groups * kernel**2, 1)

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}, dilation={self.dilation}"

    def forward(self, x: Tensor) -> Tensor:
        kernels = self.span(self.norm(self.reduce(self.pool(x))).relu_())
        kernels = kernels.unflatten(1, (self.groups, self.kernel**2))
        return involve(x, kernels, self.stride, self.dilation)


def resized_generator(span: Tensor, old: int, new: int) -> Tensor:
    """Weight or bias of ``span`` for a larger kernel: the old one in its centre, 0 around it.

    The involution then computes exactly what it did, and can learn to use the wider neighbourhood.
    ``(G * old * old, ...)`` to ``(G * new * new, ...)``, taps row by row within each group.

    Raises:
        UserError: Sides that are even or shrink, or that `span` is not made for.
    """
    if not (old % 2 and new % 2 and 1 <= old <= new) or len(span) % old**2:
        raise UserError(
            f"a generator of {len(span)} numbers cannot go from kernel {old} to {new}: both must "
            "be odd, the new one not smaller, and the numbers a multiple of the old one's square"
        )
    taps = span.unflatten(0, (-1, old, old))
    wider = span.new_zeros(taps.shape[0], new, new, *span.shape[1:])
    border = (new - old) // 2
    wider[:, border : border + old, border : border + old] = taps
    return wider.flatten(0, 2)
