"""Deformable convolution, version 1 and version 2 (modulated), on torchvision's kernels.

torchvision and mmcv lay out the offsets alike: `(N, 2 * groups * kh * kw, H, W)`, y before x.
mmcv splits the batch into `im2col_step` pieces to save memory; the result does not depend on it.
torchvision's kernels choose their own pieces, so the argument has no effect. mmcv gives the
geometry by name (`**geometry`), and two buffers that are not used here (`columns`, `ones`).

Source: Dai et al., "Deformable Convolutional Networks", ICCV 2017, eq. 2; Zhu et al., "Deformable
ConvNets v2", CVPR 2019, eq. 1.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torchvision.extension import _assert_has_ops

__all__ = [
    "deform_conv_backward_input",
    "deform_conv_backward_parameters",
    "deform_conv_forward",
    "modulated_deform_conv_backward",
    "modulated_deform_conv_forward",
]

#: What torchvision's op takes, in its order, by mmcv's names for the two versions.
FIRST = ("dH", "dW", "padH", "padW", "dilationH", "dilationW", "group", "deformable_group")
SECOND = ("stride_h", "stride_w", "pad_h", "pad_w", "dilation_h", "dilation_w", *FIRST[6:])


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    **geometry: int,
) -> None:
    """Convolve at learned offsets; fills `output`.

    Args:
        input: `(N, C, H, W)`.
        weight: `(O, C / group, kH, kW)`.
        offset: `(N, 2 * deformable_group * kH * kW, OH, OW)` in pixels, y before x.
        output: `(N, O, OH, OW)`, filled.
    """
    _forward((input, weight, offset, None, None), output, _values(geometry, FIRST))


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    columns: Tensor,
    **geometry: int,
) -> None:
    """Add the gradients with respect to input and offset to `grad_input` and `grad_offset`."""
    tensors = (input, weight, offset, None, None)
    _add(grad_output, tensors, _values(geometry, FIRST), grad_input, None, grad_offset)


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    columns: Tensor,
    ones: Tensor,
    scale: float,
    **geometry: int,
) -> None:
    """Add the gradient with respect to the weight to `grad_weight`; mmcv's `scale` is always 1."""
    # the gradient of the weight does not depend on the weight: its shape is enough
    tensors = (input, grad_weight, offset, None, None)
    _add(scale * grad_output, tensors, _values(geometry, FIRST), None, grad_weight)


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    with_bias: bool,
    **geometry: int,
) -> None:
    """Convolve at learned offsets with learned weights of the samples; fills `output`.

    Args:
        input: `(N, C, H, W)`.
        weight: `(O, C / group, kernel_h, kernel_w)`.
        bias: `(O,)`, or anything if not `with_bias`.
        offset: as in `deform_conv_forward`.
        mask: `(N, deformable_group * kernel_h * kernel_w, OH, OW)`, usually in 0..1.
        output: `(N, O, OH, OW)`, filled.
    """
    tensors = (input, weight, offset, mask, bias if with_bias else None)
    _forward(tensors, output, _values(geometry, SECOND))


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    with_bias: bool,
    **geometry: int,
) -> None:
    """Add the gradients of `modulated_deform_conv_forward` to the `grad_*` tensors."""
    tensors = (input, weight, offset, mask, bias if with_bias else None)
    grads = (grad_input, grad_weight, grad_offset, grad_mask, grad_bias if with_bias else None)
    _add(grad_output, tensors, _values(geometry, SECOND), *grads)


def _values(geometry: Mapping[str, int], names: tuple[str, ...]) -> list[int]:
    return [int(geometry[name]) for name in names]


def _forward(tensors: tuple[Tensor | None, ...], output: Tensor, geometry: list[int]) -> None:
    if output.numel() > 0:
        given = _arguments(*tensors)
        masked = tensors[3] is not None
        output.copy_(torch.ops.torchvision.deform_conv2d(*given, *geometry, masked))


def _add(
    grad_output: Tensor,
    tensors: tuple[Tensor | None, ...],
    geometry: list[int],
    *targets: Tensor | None,
) -> None:
    """Add the gradients of input, weight, offset, mask and bias to those targets that are given."""
    if grad_output.numel() == 0:
        return
    given = _arguments(*tensors)
    grad = grad_output.to(given[0].dtype).contiguous()
    backward = torch.ops.torchvision._deform_conv2d_backward
    grads = backward(grad, *given, *geometry, tensors[3] is not None)
    for target, value in zip(targets, grads, strict=False):
        if target is not None:
            target += value.to(target.dtype)


def _arguments(
    input: Any, weight: Any, offset: Any, mask: Tensor | None, bias: Tensor | None
) -> list[Tensor]:
    """Return the tensors in the order and the dtype (float32 or float64) of torchvision's op."""
    _assert_has_ops()
    dtype = torch.float64 if input.dtype == torch.float64 else torch.float32
    mask = input.new_zeros(input.size(0), 1) if mask is None else mask
    bias = input.new_zeros(weight.size(0)) if bias is None else bias
    return [tensor.to(dtype).contiguous() for tensor in (input, weight, offset, mask, bias)]
