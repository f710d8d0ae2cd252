"""RoI max pooling, plain torch.

torchvision has a kernel, but another definition: it rounds the RoI to whole pixels first, where
mmcv keeps fractions (`(x2 + 1) * scale`). Weights must mean the same with and without compiled
mmcv, so mmcv's definition is computed here.

Source: Girshick, "Fast R-CNN", ICCV 2015, section 2.1; mmcv 2.1's definition of the bins.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["roi_pool_backward", "roi_pool_forward"]

CHUNK = 1 << 23  # gathered values held at a time: 32 MB in float32


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Take the maximum of each bin of each RoI; fills `output` and `argmax`.

    Args:
        input: `(N, C, H, W)`, any float dtype (a maximum needs no arithmetic).
        rois: `(K, 5)`: index into the batch, then x1 y1 x2 y2 in pixels of the image, inclusive.
        output: `(K, C, pooled_height, pooled_width)`, filled; an empty bin is 0.
        argmax: like `output`, int32: `row * W + column` of the maximum, -1 for an empty bin. Of
            equal maxima the first in reading order.
        spatial_scale: feature map pixels per image pixel.
    """
    channels, height, width = input.shape[1:]
    if rois.size(0) == 0 or output.numel() == 0:
        return
    y_low, y_high = _bins(rois[:, 2], rois[:, 4], pooled_height, spatial_scale, height)
    x_low, x_high = _bins(rois[:, 1], rois[:, 3], pooled_width, spatial_scale, width)
    rows, row_inside = _pixels(y_low, y_high)
    columns, column_inside = _pixels(x_low, x_high)
    window = rows.size(-1) * columns.size(-1)
    by_pixel = input.flatten(2).transpose(1, 2)  # (N, H * W, C)
    per_roi = channels * pooled_height * pooled_width * max(window, 1)
    for part in torch.arange(rois.size(0), device=input.device).split(max(1, CHUNK // per_roi)):
        index = _grid(rows[part] * width, columns[part], torch.add)
        inside = _grid(row_inside[part], column_inside[part], torch.logical_and)
        image = rois[part, 0].long().view(-1, 1, 1, 1)
        values = by_pixel[image, index.clamp(0, height * width - 1)]  # (k, ph, pw, window, C)
        values = values.masked_fill(~inside.unsqueeze(-1), -torch.inf)
        best, where = values.max(dim=3)
        pixel = index.gather(3, where.clamp(max=window - 1))
        empty = ~inside.any(dim=3, keepdim=True)
        output[part] = best.masked_fill(empty, 0).permute(0, 3, 1, 2)
        argmax[part] = pixel.masked_fill(empty, -1).permute(0, 3, 1, 2).to(argmax.dtype)


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Add the gradient to `grad_input`: each output's gradient goes to its maximum."""
    if rois.size(0) == 0 or grad_input.numel() == 0:
        return
    channels, height, width = grad_input.shape[1:]
    dtype = torch.float64 if grad_output.dtype == torch.float64 else torch.float32
    offset = rois[:, 0].long().view(-1, 1, 1, 1) * channels
    offset = offset + torch.arange(channels, device=rois.device).view(1, -1, 1, 1)
    index = offset * (height * width) + argmax.long().clamp(min=0)
    grad = grad_output.to(dtype).masked_fill(argmax < 0, 0)
    total = torch.zeros(grad_input.numel(), dtype=dtype, device=grad_output.device)
    total.index_add_(0, index.flatten(), grad.flatten())
    grad_input += total.view_as(grad_input).to(grad_input.dtype)


def _bins(start: Tensor, end: Tensor, bins: int, scale: float, limit: int) -> tuple[Tensor, Tensor]:
    """Return first and one-past-last pixel of each bin along one axis: two `(K, bins)`, int64.

    A RoI without extent has empty bins.
    """
    dtype = torch.float64 if start.dtype == torch.float64 else torch.float32
    low, high = start.to(dtype) * scale, (end.to(dtype) + 1) * scale
    extent = high - low
    size = (extent / bins).view(-1, 1)
    index = torch.arange(bins + 1, device=start.device, dtype=dtype)
    edges = index * size + low.view(-1, 1)
    first = edges[:, :-1].floor().long().clamp(0, limit)
    last = edges[:, 1:].ceil().long().clamp(0, limit)
    return first, torch.where(extent.view(-1, 1) > 0, last, first)


def _pixels(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """List the pixels of each bin, padded to the longest: indices and mask, `(K, bins, length)`."""
    length = max(int((high - low).max()), 1)
    index = low.unsqueeze(-1) + torch.arange(length, device=low.device)
    return index, index < high.unsqueeze(-1)


def _grid(rows: Tensor, columns: Tensor, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Combine `(k, ph, h)` with `(k, pw, w)` to `(k, ph, pw, h * w)`, rows outermost."""
    return combine(rows[:, :, None, :, None], columns[:, None, :, None, :]).flatten(3)
