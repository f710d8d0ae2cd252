"""RoIAlign, average and max.

Average: `roi_average` on a CPU, elsewhere torchvision's kernels (the same algorithm as mmcv's: He
et al., "Mask R-CNN", ICCV 2017, section 3). Max: plain torch, since torchvision pools by average
alone.

torchvision's CPU kernels know no bfloat16, so half types are computed in float32 and cast back.
"""

import torch
from torch import Tensor
from torchvision.extension import _assert_has_ops

from tricklift.compat.ops.roi_average import average, average_backward

__all__ = ["roi_align_backward", "roi_align_forward"]

MAX, AVG = 0, 1
NOWHERE = -2.0  # a coordinate outside every feature map, so that no gradient flows
CHUNK = 1 << 23  # sampled values held at a time by the max mode: 32 MB in float32


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
        output: `(K, C, aligned_height, aligned_width)`, filled.
        argmax_y: like `output` in max mode: the y where the maximum was sampled, in pixels of
            the feature map; `NOWHERE`, if nothing was sampled. Unused in average mode.
        argmax_x: the same for x.
        spatial_scale: feature map pixels per image pixel.
        sampling_ratio: samples per bin and axis; 0: as many as the bin has pixels.
        pool_mode: 0 max, 1 average.
        aligned: shift by half a pixel (the exact alignment).

    Source: deviation from mmcv 2.1: a bin without samples is 0 in both modes (mmcv's max mode
    leaves its start value of -10000).
    """
    if rois.size(0) == 0 or output.numel() == 0:
        return
    dtype = _compute_dtype(input)
    features, boxes = input.to(dtype), rois.to(dtype)
    size = (aligned_height, aligned_width)
    if pool_mode == AVG and input.device.type == "cpu":
        average(features, boxes, output, spatial_scale, sampling_ratio, aligned)
        return
    if pool_mode == AVG:
        _assert_has_ops()
        output.copy_(
            torch.ops.torchvision.roi_align(
                features, boxes, spatial_scale, *size, sampling_ratio, aligned
            )
        )
        return
    argmax_y.fill_(NOWHERE)
    argmax_x.fill_(NOWHERE)
    for group, ys, xs in _sample_groups(boxes, size, spatial_scale, sampling_ratio, aligned):
        for part in torch.arange(len(group), device=input.device).split(
            max(1, CHUNK // (input.size(1) * ys[0].numel() * xs.size(-2) * xs.size(-1)))
        ):
            values, y, x = _max_of_samples(features, boxes[group[part], 0], ys[part], xs[part])
            output[group[part]] = values.to(output.dtype)
            argmax_y[group[part]] = y.to(argmax_y.dtype)
            argmax_x[group[part]] = x.to(argmax_x.dtype)


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
    """Add the gradient of `roi_align_forward` with respect to its input to `grad_input`."""
    if rois.size(0) == 0 or grad_input.numel() == 0:
        return
    dtype = _compute_dtype(grad_output)
    grad, boxes = grad_output.to(dtype), rois.to(dtype)
    if pool_mode == AVG and grad.device.type == "cpu":
        average_backward(grad, boxes, grad_input, spatial_scale, sampling_ratio, aligned)
        return
    if pool_mode == AVG:
        _assert_has_ops()
        grad_input += torch.ops.torchvision._roi_align_backward(
            grad.contiguous(),
            boxes,
            spatial_scale,
            aligned_height,
            aligned_width,
            *grad_input.shape,
            sampling_ratio,
            aligned,
        ).to(grad_input.dtype)
        return
    channels, height, width = grad_input.shape[1:]
    y, x = argmax_y.to(dtype), argmax_x.to(dtype)
    offset = boxes[:, 0].long().view(-1, 1, 1, 1) * channels
    offset = (offset + torch.arange(channels, device=grad.device).view(1, -1, 1, 1)) * height
    total = torch.zeros(grad_input.numel(), dtype=dtype, device=grad.device)
    for row, column, weight in _corners(y, x, height, width):
        total.index_add_(0, ((offset + row) * width + column).flatten(), (grad * weight).flatten())
    grad_input += total.view_as(grad_input).to(grad_input.dtype)


def _compute_dtype(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _sample_groups(
    rois: Tensor, size: tuple[int, int], scale: float, sampling_ratio: int, aligned: bool
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Place the sampling points of each RoI; RoIs with the same number of points go together.

    Returns:
        Tuples of: indices of the RoIs `(k,)`; y of the samples `(k, ph, sh)`; x `(k, pw, sw)`.
        A group without samples is left out.
    """
    shift = 0.5 if aligned else 0.0
    low = rois[:, [2, 1]] * scale - shift  # y, x
    extent = rois[:, [4, 3]] * scale - shift - low
    if not aligned:
        extent = extent.clamp(min=1.0)
    bins = extent / extent.new_tensor(size)
    if sampling_ratio > 0:
        counts = torch.full_like(bins, sampling_ratio, dtype=torch.long)
    else:
        counts = bins.ceil().long()
    groups = []
    for rows, columns in torch.unique(counts, dim=0).tolist():
        if rows <= 0 or columns <= 0:
            continue
        group = torch.nonzero((counts == counts.new_tensor([rows, columns])).all(1)).flatten()
        ys = _axis_samples(low[group, 0], bins[group, 0], size[0], rows)
        xs = _axis_samples(low[group, 1], bins[group, 1], size[1], columns)
        groups.append((group, ys, xs))
    return groups


def _axis_samples(start: Tensor, bin_size: Tensor, bins: int, samples: int) -> Tensor:
    """Return sample coordinates `(k, bins, samples)`, evenly inside each bin."""
    index = torch.arange(bins, device=start.device, dtype=start.dtype).view(1, -1, 1)
    inner = (torch.arange(samples, device=start.device, dtype=start.dtype) + 0.5) / samples
    return start.view(-1, 1, 1) + (index + inner) * bin_size.view(-1, 1, 1)


def _max_of_samples(
    features: Tensor, batch: Tensor, ys: Tensor, xs: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the maximum over the samples of each bin, and where it was: three `(k, C, ph, pw)`."""
    (k, ph, sh), (_, pw, sw) = ys.shape, xs.shape
    shape = (k, ph, pw, sh, sw)
    y = ys.view(k, ph, 1, sh, 1).expand(shape).reshape(k, ph, pw, sh * sw)
    x = xs.view(k, 1, pw, 1, sw).expand(shape).reshape(k, ph, pw, sh * sw)
    height, width = features.shape[2:]
    image = batch.long().view(-1, 1, 1, 1)
    by_pixel = features.permute(0, 2, 3, 1)  # (N, H, W, C)
    values = features.new_zeros(*y.shape, features.size(1))
    for row, column, weight in _corners(y, x, height, width):
        values += by_pixel[image, row, column] * weight.unsqueeze(-1)
    best, where = values.max(dim=3)  # (k, ph, pw, C)
    return (
        best.permute(0, 3, 1, 2),
        y.gather(3, where).permute(0, 3, 1, 2),
        x.gather(3, where).permute(0, 3, 1, 2),
    )


def _corners(y: Tensor, x: Tensor, height: int, width: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return row, column and weight of the four pixels around each point, for bilinear sampling.

    A point more than one pixel outside the map weighs nothing; one nearer is moved to the border.
    """
    inside = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    y0, x0 = y.floor(), x.floor()
    y1, x1 = (y0 + 1).clamp(max=height - 1), (x0 + 1).clamp(max=width - 1)
    dy, dx = (y - y0) * inside, (x - x0) * inside
    ey, ex = (1 - (y - y0)) * inside, (1 - (x - x0)) * inside
    return [
        (row.long(), column.long(), a * b)
        for row, a in ((y0, ey), (y1, dy))
        for column, b in ((x0, ex), (x1, dx))
    ]
