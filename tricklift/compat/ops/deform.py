"""Deformable convolution, version 1 and version 2 (modulated), on torchvision's kernels.

torchvision and mmcv lay out the offsets alike: `(N, 2 * groups * kh * kw, H, W)`, y before x.
mmcv splits the batch into `im2col_step` pieces to save memory; the result does not depend on it.
torchvision's kernels choose their own pieces, so the argument is accepted and has no effect.

Source: Dai et al., "Deformable Convolutional Networks", ICCV 2017, eq. 2; Zhu et al., "Deformable
ConvNets v2", CVPR 2019, eq. 1.
"""

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


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Convolve at learned offsets; fills `output`.

    Args:
        input: `(N, C, H, W)`.
        weight: `(O, C / group, kH, kW)`.
        offset: `(N, 2 * deformable_group * kH * kW, OH, OW)` in pixels, y before x.
        output: `(N, O, OH, OW)`, filled.
        columns: buffer of the compiled op, unused; `ones` likewise.
        im2col_step: accepted, no effect.
    """
    geometry = _geometry(dH, dW, padH, padW, dilationH, dilationW, group, deformable_group)
    _forward(input, weight, offset, None, None, output, geometry)


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    columns: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Add the gradients with respect to input and offset to `grad_input` and `grad_offset`."""
    geometry = _geometry(dH, dW, padH, padW, dilationH, dilationW, group, deformable_group)
    grads = _backward(grad_output, input, weight, offset, None, None, geometry)
    if grads is not None:
        grad_input += grads[0].to(grad_input.dtype)
        grad_offset += grads[2].to(grad_offset.dtype)


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    scale: float,
    im2col_step: int,
) -> None:
    """Add `scale` times the gradient with respect to the weight to `grad_weight`."""
    geometry = _geometry(dH, dW, padH, padW, dilationH, dilationW, group, deformable_group)
    # the gradient of the weight does not depend on the weight: its shape is enough
    grads = _backward(grad_output, input, grad_weight, offset, None, None, geometry)
    if grads is not None:
        grad_weight += scale * grads[1].to(grad_weight.dtype)


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Convolve at learned offsets with learned weights of the samples; fills `output`.

    Args:
        input: `(N, C, H, W)`.
        weight: `(O, C / group, kernel_h, kernel_w)`.
        bias: `(O,)`, or anything if not `with_bias`.
        offset: as in `deform_conv_forward`.
        mask: `(N, deformable_group * kernel_h * kernel_w, OH, OW)`, usually in 0..1.
        output: `(N, O, OH, OW)`, filled.
        ones: buffer of the compiled op, unused; `columns` likewise.
    """
    geometry = _geometry(
        stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, group, deformable_group
    )
    _forward(input, weight, offset, mask, bias if with_bias else None, output, geometry)


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
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Add the gradients of `modulated_deform_conv_forward` to the `grad_*` tensors."""
    geometry = _geometry(
        stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, group, deformable_group
    )
    grads = _backward(
        grad_output, input, weight, offset, mask, bias if with_bias else None, geometry
    )
    if grads is None:
        return
    targets = [grad_input, grad_weight, grad_offset, grad_mask]
    for target, grad in zip(targets, grads, strict=False):
        target += grad.to(target.dtype)
    if with_bias:
        grad_bias += grads[4].to(grad_bias.dtype)


def _geometry(*values: int) -> tuple[int, ...]:
    """Return stride, padding, dilation (y before x each), groups and offset groups as ints."""
    return tuple(int(value) for value in values)


def _forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    output: Tensor,
    geometry: tuple[int, ...],
) -> None:
    if output.numel() == 0:
        return
    arguments = _arguments(input, weight, offset, mask, bias)
    use_mask = mask is not None
    output.copy_(torch.ops.torchvision.deform_conv2d(*arguments, *geometry, use_mask))


def _backward(
    grad_output: Tensor,
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    geometry: tuple[int, ...],
) -> Any:
    """Return the gradients of input, weight, offset, mask and bias; None for an empty batch."""
    if grad_output.numel() == 0:
        return None
    arguments = _arguments(input, weight, offset, mask, bias)
    grad = grad_output.to(arguments[0].dtype).contiguous()
    return torch.ops.torchvision._deform_conv2d_backward(
        grad, *arguments, *geometry, mask is not None
    )


def _arguments(
    input: Tensor, weight: Tensor, offset: Tensor, mask: Tensor | None, bias: Tensor | None
) -> list[Tensor]:
    """Return the tensors in the order and the dtype (float32 or float64) of torchvision's op."""
    _assert_has_ops()
    dtype = torch.float64 if input.dtype == torch.float64 else torch.float32
    if mask is None:
        mask = input.new_zeros(input.size(0), 1)
    if bias is None:
        bias = input.new_zeros(weight.size(0))
    tensors = (input, weight, offset, mask, bias)
    return [tensor.to(dtype).contiguous() for tensor in tensors]
