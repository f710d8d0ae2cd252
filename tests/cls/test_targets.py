import math

import pytest
import torch
import torch.nn.functional as F

from cls.draws import Draws
from cls.targets import check_mixup, draw_mixup, mixup, smooth_targets


def test_paper_smoothing_by_hand():
    # K = 5, eps = 0.1: 0.9 on the label and 0.1 / 4 = 0.025 elsewhere (equation 4).
    got = smooth_targets(torch.tensor([2]), 5, 0.1, "paper")
    torch.testing.assert_close(got, torch.tensor([[0.025, 0.025, 0.9, 0.025, 0.025]]))


def test_public_smoothing_by_hand_and_against_torch():
    # K = 5, eps = 0.1: 0.1 / 5 = 0.02 everywhere and 0.9 more on the label.
    got = smooth_targets(torch.tensor([2]), 5, 0.1, "public")
    torch.testing.assert_close(got, torch.tensor([[0.02, 0.02, 0.92, 0.02, 0.02]]))
    logits, labels = torch.randn(6, 5), torch.randint(0, 5, (6,))
    ours = F.cross_entropy(logits, smooth_targets(labels, 5, 0.1, "public"))
    torch.testing.assert_close(ours, F.cross_entropy(logits, labels, label_smoothing=0.1))


def test_no_smoothing_is_one_hot():
    labels = torch.tensor([0, 3])
    assert torch.equal(smooth_targets(labels, 4, 0.0), F.one_hot(labels, 4).float())


@pytest.mark.parametrize(
    ("form", "want"),
    [
        # K = 10, eps = 0.1. Equation (5): log((K-1)(1-eps)/eps) = log(9 * 0.9 / 0.1) = log 81.
        ("paper", math.log(81)),
        # The public form puts 1 - eps + eps/K = 0.91 against eps/K = 0.01: log 91.
        ("public", math.log(91)),
    ],
)
def test_free_logits_reach_the_optimum(form, want):
    """Gradient descent on a logit vector alone ends where the paper says that it must."""
    torch.manual_seed(0)
    target = smooth_targets(torch.tensor([3]), 10, 0.1, form).double()
    logits = torch.randn(1, 10, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=5.0, momentum=0.9, nesterov=True)
    for _ in range(3000):
        optimizer.zero_grad()
        F.cross_entropy(logits, target).backward()
        optimizer.step()
    others = logits[0, [0, 1, 2, 4, 5, 6, 7, 8, 9]]
    gap = (logits[0, 3] - others).detach()
    torch.testing.assert_close(gap, torch.full((9,), want).double(), atol=1e-6, rtol=0)


def test_mixup_by_hand():
    images = torch.tensor([0.0, 10.0, 100.0]).view(3, 1, 1, 1).expand(3, 3, 2, 2)
    targets = torch.eye(3)
    mixed, blended = mixup(images, targets, torch.tensor([0.7]), torch.tensor([1, 2, 0]))
    # 0.7 * 0 + 0.3 * 10; 0.7 * 10 + 0.3 * 100; 0.7 * 100 + 0.3 * 0
    torch.testing.assert_close(mixed[:, 0, 0, 0], torch.tensor([3.0, 37.0, 70.0]))
    want = torch.tensor([[0.7, 0.3, 0.0], [0.0, 0.7, 0.3], [0.3, 0.0, 0.7]])
    torch.testing.assert_close(blended, want)


def test_mixup_with_one_lambda_an_image_by_hand():
    images = torch.tensor([0.0, 10.0, 100.0]).view(3, 1, 1, 1).expand(3, 3, 2, 2)
    weight = torch.tensor([1.0, 0.5, 0.1])
    mixed, blended = mixup(images, torch.eye(3), weight, torch.tensor([1, 2, 0]))
    # 1 * 0 + 0 * 10; 0.5 * 10 + 0.5 * 100; 0.1 * 100 + 0.9 * 0
    torch.testing.assert_close(mixed[:, 0, 0, 0], torch.tensor([0.0, 55.0, 10.0]))
    want = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.9, 0.0, 0.1]])
    torch.testing.assert_close(blended, want)


def test_mixing_smoothed_targets_is_smoothing_mixed_ones():
    labels, order = torch.tensor([0, 1, 2]), torch.tensor([2, 0, 1])
    images, weight = torch.zeros(3, 3, 1, 1), torch.tensor([0.3])
    _, mixed = mixup(images, smooth_targets(labels, 4, 0.1), weight, order)
    _, hard = mixup(images, smooth_targets(labels, 4, 0.0), weight, order)
    # Smoothing a distribution t: eps/(K-1) everywhere, the rest in proportion to t.
    want = 0.1 / 3 + hard * (0.9 - 0.1 / 3)
    torch.testing.assert_close(mixed, want)


@pytest.mark.parametrize("per", ["batch", "image"])
def test_lambda_is_drawn_from_beta(per):
    """One a batch in 4,000 batches, or one an image in a batch of as many."""
    torch.manual_seed(0)
    draws, times = Draws(), 4000
    count, repeats = (3, times) if per == "batch" else (times, 1)
    drawn = [draw_mixup(0.2, count, torch.device("cpu"), draws, per) for _ in range(repeats)]
    weights = torch.cat([weight for weight, _ in drawn])
    assert len(weights) == times
    assert weights.mean() == pytest.approx(0.5, abs=0.03)
    # Variance of Beta(a, a) is 1 / (4 (2a + 1)).
    assert weights.var() == pytest.approx(1 / (4 * 1.4), abs=0.01)
    assert all(sorted(order.tolist()) == list(range(count)) for _, order in drawn)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: smooth_targets(torch.tensor([0]), 3, 1.0), r"eps must be in \[0, 1\), got 1.0"),
        (lambda: smooth_targets(torch.tensor([0]), 3, 0.1, "mine"), "known: paper, public"),
        (lambda: smooth_targets(torch.tensor([0]), 1, 0.1), "needs at least 2 classes"),
        (
            lambda: draw_mixup(0.0, 2, torch.device("cpu"), Draws()),
            "alpha must be above 0, got 0.0",
        ),
        (lambda: check_mixup(0.2, "pixel"), "per batch or image, got per='pixel'"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()
