"""Non-maximum suppression, plain and soft.

Plain: torchvision's kernel. Soft: plain torch, after Bodla et al., "Soft-NMS: Improving Object
Detection With One Line of Code", ICCV 2017, eq. 3 (linear) and the Gaussian of section 3.1.

Class-wise ("batched") NMS needs nothing here: mmcv shifts the boxes of each class apart, then
calls `nms` or `softnms`.
"""

import torch
from torch import Tensor
from torchvision.ops import nms as torchvision_nms

__all__ = ["nms", "softnms"]

NAIVE, LINEAR, GAUSSIAN = 0, 1, 2


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Keep boxes that overlap no better one by more than `iou_threshold`.

    Args:
        boxes: `(N, 4)`, x1 y1 x2 y2 in pixels, any float dtype.
        scores: `(N,)`.
        offset: 0 or 1, added to widths and heights (1: coordinates are pixel indices).

    Returns:
        Indices of the kept boxes, best score first, int64.
    """
    if boxes.numel() == 0:
        return boxes.new_empty(0, dtype=torch.int64)
    boxes = _inclusive(boxes, offset)
    return torchvision_nms(boxes, scores.to(boxes.dtype), iou_threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Lower the scores of boxes by their overlap with better ones, instead of dropping them.

    Args:
        boxes: `(N, 4)`, x1 y1 x2 y2 in pixels.
        scores: `(N,)`.
        dets: `(N, 5)`, filled: the first K rows get the kept boxes with their new scores.
        iou_threshold: overlap from which the naive and the linear method act.
        sigma: width of the Gaussian method.
        min_score: a box whose score falls below is dropped (the best box of all never is).
        method: 0 naive (drop), 1 linear, 2 Gaussian.
        offset: as in `nms`.

    Returns:
        Indices of the K kept boxes in the order of selection, int64. Among equal scores the lower
        index goes first. A pair of boxes without area does not overlap.
    """
    count = boxes.size(0)
    if count == 0:
        return boxes.new_empty(0, dtype=torch.int64)
    corners = _inclusive(boxes, offset)
    scores = scores.to(corners.dtype).clone()
    rest = torch.arange(count, device=boxes.device)
    kept: list[Tensor] = []
    while rest.numel() > 0:
        best = rest[torch.nonzero(scores[rest] == scores[rest].max())[0, 0]]
        kept.append(best)
        rest = rest[rest != best]
        scores[rest] *= _decay(_iou(corners[best], corners[rest]), iou_threshold, sigma, method)
        rest = rest[scores[rest] >= min_score]
    indices = torch.stack(kept)
    chosen = torch.cat([boxes[indices].to(dets.dtype), scores[indices, None].to(dets.dtype)], dim=1)
    dets[: len(kept)] = chosen
    return indices


def _inclusive(boxes: Tensor, offset: int) -> Tensor:
    """Return boxes in at least float32, with x2 and y2 moved by `offset`.

    Then `x2 - x1` is the width that mmcv computes as `x2 - x1 + offset`, for intersections too.
    """
    boxes = boxes if boxes.dtype == torch.float64 else boxes.float()
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    return boxes


def _iou(box: Tensor, others: Tensor) -> Tensor:
    """Return the overlap of one box `(4,)` with others `(M, 4)`: `(M,)`, 0 where it is 0/0."""
    low = torch.maximum(box[:2], others[:, :2])
    high = torch.minimum(box[2:], others[:, 2:])
    inter = (high - low).clamp(min=0).prod(dim=1)
    union = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(dim=1) - inter
    return (inter / union).nan_to_num(nan=0.0)


def _decay(iou: Tensor, threshold: float, sigma: float, method: int) -> Tensor:
    """Return the factor for the score of a box that overlaps a better one by `iou`."""
    if method == GAUSSIAN:
        return torch.exp(-(iou * iou) / sigma)
    weight = 1 - iou if method == LINEAR else torch.zeros_like(iou)
    return torch.where(iou >= threshold, weight, torch.ones_like(iou))
