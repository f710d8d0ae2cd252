"""RoIAlign by averages: `roi_average` on a CPU, elsewhere torchvision's kernels.

They are the same algorithm as mmcv's. torchvision's CPU kernels know no bfloat16, so half types are
computed in float32 and cast back. Pooling by the maximum, which no config of mmdet uses, is a
missing op.

Source: He et al., "Mask R-CNN", ICCV 2017, section 3.
"""

import torch
from torch import Tensor
from torchvision.extension import _assert_has_ops

from tricklift.compat.ops.missing import missing
from tricklift.compat.ops.roi_average import average, average_backward

__all__ = ["roi_align_backward", "roi_align_forward"]

AVG = 1


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Pool each RoI of `input` to `(aligned_height, aligned_width)`; fills `output`.

    Args:
        input: `(N, C, H, W)`.
        rois: `(K, 5)`: index into the batch, then x1 y1 x2 y2 in pixels of the image.
        output: `(K, C, aligned_height, aligned_width)`, filled; a bin without samples is 0.
        argmax_y: unused, as is `argmax_x`: of the maximum alone.
        spatial_scale: feature map pixels per image pixel.
        sampling_ratio: samples per bin and axis; 0: as many as the bin has pixels.
        pool_mode: 1, average.
        aligned: shift by half a pixel (the exact alignment).

    Raises:
        MissingOpError: pooling by the maximum.
    """
    if pool_mode != AVG:
        missing("roi_align with pool_mode='max'")()
    if rois.size(0) == 0 or output.numel() == 0:
        return
    dtype = torch.float64 if input.dtype == torch.float64 else torch.float32
    features, boxes = input.to(dtype), rois.to(dtype)
    if input.device.type == "cpu":
        average(features, boxes, output, spatial_scale, sampling_ratio, aligned)
        return
    _assert_has_ops()
    size = (aligned_height, aligned_width)
    pooled = torch.ops.torchvision.roi_align(
        features, boxes, spatial_scale, *size, sampling_ratio, aligned
    )
    output.copy_(pooled)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Add the gradient of `roi_align_forward` with respect to `input` to `grad_input`."""
    if rois.size(0) == 0 or grad_input.numel() == 0:
        return
    dtype = torch.float64 if grad_output.dtype == torch.float64 else torch.float32
    grad, boxes = grad_output.to(dtype).contiguous(), rois.to(dtype)
    if grad.device.type == "cpu":
        average_backward(grad, boxes, grad_input, spatial_scale, sampling_ratio, aligned)
        return
    _assert_has_ops()
    size = (aligned_height, aligned_width)
    total = torch.ops.torchvision._roi_align_backward(
        grad, boxes, spatial_scale, *size, *grad_input.shape, sampling_ratio, aligned
    )
    grad_input += total.to(grad_input.dtype)
