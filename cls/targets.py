"""Soft targets: one-hot, label smoothing, and the mixing of two images' targets and pixels."""

import torch
from torch import Tensor

from cls.draws import Draws
from tricklift.errors import UserError

FORMS = ("paper", "public")
PER = ("batch", "image")


def smooth_targets(labels: Tensor, num_classes: int, eps: float, form: str = "paper") -> Tensor:
    """Target distributions ``(N, K)`` for labels ``(N,)``.

    Args:
        labels: Class indices, int64.
        num_classes: K.
        eps: Smoothing; 0 gives one-hot targets.
        form: ``paper``: 1 - eps on the label, eps / (K - 1) elsewhere. ``public`` (the authors'
            code): eps / K everywhere, and 1 - eps more on the label.

    Raises:
        UserError: `eps` outside [0, 1), fewer than two classes to smooth over, unknown `form`.

    Source: arXiv:1812.01187, section 5.2, equation (4).
    """
    if not 0 <= eps < 1:
        raise UserError(f"label smoothing eps must be in [0, 1), got {eps}")
    if form not in FORMS:
        raise UserError(f"unknown form {form!r} of label smoothing; known: {', '.join(FORMS)}")
    if eps > 0 and num_classes < 2:
        raise UserError("label smoothing needs at least 2 classes")
    paper = form == "paper"
    off = eps / (max(num_classes - 1, 1) if paper else num_classes)
    on = 1 - eps if paper else 1 - eps + off
    targets = torch.full((len(labels), num_classes), off, device=labels.device)
    return targets.scatter_(1, labels.unsqueeze(1), on)


def mixup(images: Tensor, targets: Tensor, weight: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """Blend each image and its target with another one of the batch.

    Args:
        images: ``(N, 3, H, W)``.
        targets: Distributions ``(N, K)``; smoothing first and mixing then equals the reverse.
        weight: Lambda in [0, 1], the share of the image itself; ``(1,)`` for the whole batch, or
            one an image ``(N,)``.
        order: Permutation ``(N,)``; image ``i`` is blended with image ``order[i]``.

    Returns:
        ``weight * x_i + (1 - weight) * x_order[i]`` for images and targets.

    Source: arXiv:1812.01187, section 5.4, equations (9) and (10).
    """
    other = 1 - weight
    mixed = images.lerp(images[order], other.view(-1, 1, 1, 1))
    return mixed, targets.lerp(targets[order], other.view(-1, 1))


def check_mixup(alpha: float, per: str = "batch") -> None:
    """Refuse what `draw_mixup` cannot draw.

    Raises:
        UserError: `alpha` is not above 0, or an unknown `per`.
    """
    if alpha <= 0:
        raise UserError(f"mixup alpha must be above 0, got {alpha}")
    if per not in PER:
        raise UserError(f"mixup draws lambda per {' or '.join(PER)}, got per={per!r}")


def draw_mixup(
    alpha: float, count: int, device: torch.device, draws: Draws, per: str = "batch"
) -> tuple[Tensor, Tensor]:
    """Draw lambda from Beta(alpha, alpha) and a permutation of `count` images.

    Args:
        alpha: Of the distribution; 0.2 in the paper.
        count: Images in the batch.
        device: Where both shall be.
        draws: One lambda a batch is alike in all processes; all else each draws for itself.
        per: ``batch``: one lambda for all images (the paper); ``image``: one for each.

    Returns:
        Lambda ``(1,)`` or ``(N,)``, and the permutation ``(N,)``.

    Raises:
        UserError: As `check_mixup`.
    """
    check_mixup(alpha, per)
    whole = per == "batch"
    generator = draws("lambda", device, alike=whole)
    # x / (x + y) of two Gamma(alpha, 1) numbers is Beta(alpha, alpha).
    shape = torch.full((2, 1 if whole else count), alpha, device=device)
    gammas = torch._standard_gamma(shape, generator=generator).clamp_min(1e-30)
    # sorted random numbers: unlike `randperm` on every device without waiting for it
    order = torch.rand(count, device=device, generator=draws("partner", device)).argsort()
    return gammas[0] / gammas.sum(0), order
