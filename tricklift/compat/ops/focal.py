"""Sigmoid focal loss, plain torch: per-element loss and its gradient.

Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5 and appendix A.

Half types are computed in float32. mmcv's kernels clamp the argument of the logarithm at the
smallest float; here `log(sigmoid(x))` is computed as such and does not saturate.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["sigmoid_focal_loss_backward", "sigmoid_focal_loss_forward"]


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """One-against-all focal loss; fills `output`.

    Args:
        input: `(N, C)`, logits.
        target: `(N,)`, int64 in 0..C; C, or any other value outside 0..C-1, is background.
        weight: `(C,)`, the weight of a row by its target; empty: all 1. Background weighs 1.
        output: `(N, C)`, filled.
        gamma: focusing exponent, >= 0.
        alpha: weight of the positives, in 0..1; negatives weigh `1 - alpha`.
    """
    x = input if input.dtype == torch.float64 else input.float()
    p = x.sigmoid()
    positive = alpha * (1 - p).pow(gamma) * F.logsigmoid(x)
    negative = (1 - alpha) * p.pow(gamma) * F.logsigmoid(-x)
    output.copy_(_chosen(positive, negative, target, weight))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Fill `grad_input` with the gradient of the sum of the losses with respect to the logits."""
    x = input if input.dtype == torch.float64 else input.float()
    p = x.sigmoid()
    log_p, log_q = F.logsigmoid(x), F.logsigmoid(-x)
    positive = alpha * (1 - p).pow(gamma) * (1 - p - gamma * p * log_p)
    negative = (1 - alpha) * p.pow(gamma) * (gamma * (1 - p) * log_q - p)
    grad_input.copy_(_chosen(positive, negative, target, weight))


def _chosen(positive: Tensor, negative: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return minus `positive` at each row's class and minus `negative` elsewhere, by row weight."""
    label = target.unsqueeze(1)
    hit = label == torch.arange(positive.size(1), device=positive.device)
    value = -torch.where(hit, positive, negative)
    if weight.numel() == 0:
        return value
    by_row = weight.to(value.dtype)[label.clamp(0, weight.numel() - 1)]
    return torch.where((label >= 0) & (label < weight.numel()), value * by_row, value)
