"""Focal losses, plain torch: per-element loss and its gradient.

Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5 and appendix A.

Half types are computed in float32. mmcv's kernels clamp the argument of the logarithm at the
smallest float; here `log(sigmoid(x))` is computed as such and does not saturate.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "sigmoid_focal_loss_backward",
    "sigmoid_focal_loss_forward",
    "softmax_focal_loss_backward",
    "softmax_focal_loss_forward",
]


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
    x = _promote(input)
    hit = _one_hot(target, x)
    p = x.sigmoid()
    positive = alpha * (1 - p).pow(gamma) * F.logsigmoid(x)
    negative = (1 - alpha) * p.pow(gamma) * F.logsigmoid(-x)
    loss = -torch.where(hit, positive, negative)
    output.copy_(loss * _row_weight(weight, target, x).unsqueeze(1))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Fill `grad_input` with the gradient of the sum of the losses with respect to the logits."""
    x = _promote(input)
    hit = _one_hot(target, x)
    p = x.sigmoid()
    log_p, log_q = F.logsigmoid(x), F.logsigmoid(-x)
    positive = alpha * (1 - p).pow(gamma) * (1 - p - gamma * p * log_p)
    negative = (1 - alpha) * p.pow(gamma) * (gamma * (1 - p) * log_q - p)
    grad = -torch.where(hit, positive, negative)
    grad_input.copy_(grad * _row_weight(weight, target, x).unsqueeze(1))


def softmax_focal_loss_forward(
    softmax: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Focal loss of the target's softmax probability; fills `output`.

    Args:
        softmax: `(N, C)`, probabilities (mmcv's Python has applied the softmax).
        target: `(N,)`, int64 in 0..C-1; a negative one is ignored: loss and gradient 0.
        weight: `(C,)`, the weight of a row by its target; empty: all 1.
        output: `(N,)`, filled.
        gamma: focusing exponent, >= 0.
        alpha: factor of every row.
    """
    if softmax.size(0) == 0:
        return
    probability, log_p = _target_probability(softmax, target)
    loss = -alpha * (1 - probability).pow(gamma) * log_p
    output.copy_(loss * _softmax_weight(weight, target, loss))


def softmax_focal_loss_backward(
    softmax: Tensor,
    target: Tensor,
    weight: Tensor,
    buff: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Fill `grad_input` with the gradient of the sum of the losses with respect to the logits.

    `buff`, `(N,)`, is filled with `dL/dp * p`, as mmcv's kernel does.
    """
    if softmax.size(0) == 0:
        return
    p, log_p = _target_probability(softmax, target)
    # d/dp of (1 - p)^gamma is -gamma (1 - p)^(gamma - 1); at gamma = 0 it is 0, also for p = 1
    slope = gamma * (1 - p).pow(gamma - 1) * p * log_p if gamma else torch.zeros_like(p)
    factor = alpha * (slope.nan_to_num(nan=0.0) - (1 - p).pow(gamma))
    factor = factor * _softmax_weight(weight, target, factor)
    buff.copy_(factor)
    hit = _one_hot(target, softmax).to(factor.dtype)
    grad_input.copy_(factor.unsqueeze(1) * (hit - _promote(softmax)))


def _promote(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _one_hot(target: Tensor, like: Tensor) -> Tensor:
    """Return a mask `(N, C)`: true at the target's class, nowhere for background."""
    return target.unsqueeze(1) == torch.arange(like.size(1), device=like.device)


def _row_weight(weight: Tensor, target: Tensor, like: Tensor) -> Tensor:
    """Return the weight `(N,)` of each row by its target, 1 for background."""
    if weight.numel() == 0:
        return like.new_ones(target.size(0))
    known = (target >= 0) & (target < weight.numel())
    chosen = weight.to(like.dtype)[target.clamp(0, weight.numel() - 1)]
    return torch.where(known, chosen, torch.ones_like(chosen))


def _softmax_weight(weight: Tensor, target: Tensor, like: Tensor) -> Tensor:
    """Return the weight `(N,)` of each row by its target, 0 for an ignored one."""
    return _row_weight(weight, target, like) * (target >= 0)


def _target_probability(softmax: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probability of each row's target and its logarithm, kept finite."""
    p = _promote(softmax).gather(1, target.clamp(min=0).unsqueeze(1)).squeeze(1)
    return p, p.clamp(min=torch.finfo(torch.float32).tiny).log()
