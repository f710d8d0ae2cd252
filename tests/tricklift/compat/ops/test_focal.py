"""Sigmoid focal loss against the formula written with `math`, and by gradcheck."""

import math

import pytest
import torch
from mmcv.ops import SigmoidFocalLoss, sigmoid_focal_loss
from torchvision.ops import sigmoid_focal_loss as torchvision_focal

GAMMAS = [0.0, 0.5, 1.0, 2.0]


def loop_sigmoid(logits, target, gamma, alpha, weight=None):
    """Eq. 5 of Lin et al. for each class against the rest."""
    out = torch.zeros_like(logits)
    for n, row in enumerate(logits.tolist()):
        label = int(target[n])
        for c, x in enumerate(row):
            p = 1 / (1 + math.exp(-x))
            if c == label:
                loss = -alpha * (1 - p) ** gamma * math.log(p)
            else:
                loss = -(1 - alpha) * p**gamma * math.log(1 - p)
            known = weight is not None and 0 <= label < len(row)
            out[n, c] = loss * (float(weight[label]) if known else 1.0)
    return out


@pytest.fixture
def logits(generator):
    return 2 * torch.randn(6, 4, generator=generator, dtype=torch.float64)


TARGET = torch.tensor([0, 3, 2, 2, 4, 1])  # 4 is background
WEIGHT = torch.tensor([0.5, 1.0, 2.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_sigmoid_focal_loss(logits, gamma, weight):
    expected = loop_sigmoid(logits, TARGET, gamma, 0.25, weight)
    found = sigmoid_focal_loss(logits, TARGET, gamma, 0.25, weight, "none")
    torch.testing.assert_close(found, expected)
    total = sigmoid_focal_loss(logits, TARGET, gamma, 0.25, weight, "sum")
    torch.testing.assert_close(total, expected.sum())
    mean = sigmoid_focal_loss(logits, TARGET, gamma, 0.25, weight, "mean")
    torch.testing.assert_close(mean, expected.sum() / len(logits))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_gradients(logits, gamma, weight, reduction):
    logits.requires_grad_()
    options = (gamma, 0.25, weight, reduction)
    torch.autograd.gradcheck(lambda x: sigmoid_focal_loss(x, TARGET, *options), logits)


def test_published_numbers():
    """Section 3.2: with gamma = 2 an example at p = 0.9 costs 100 times less than by cross
    entropy, at p = 0.968 a thousand times less."""
    for p, factor in ((0.9, 100), (0.968, 1000)):
        logit = torch.tensor([[math.log(p / (1 - p))]])
        focal = sigmoid_focal_loss(logit, torch.tensor([0]), 2.0, 1.0, None, "sum").item()
        assert -math.log(p) / focal == pytest.approx(factor, rel=0.03)


def test_agrees_with_torchvision(logits):
    hit = torch.nn.functional.one_hot(TARGET, 5)[:, :4].double()
    expected = torchvision_focal(logits, hit, alpha=0.25, gamma=2.0, reduction="sum")
    found = sigmoid_focal_loss(logits, TARGET, 2.0, 0.25, None, "sum")
    torch.testing.assert_close(found, expected)


def test_far_logits_stay_finite():
    x = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    total = sigmoid_focal_loss(x, torch.tensor([0, 0]), 2.0, 0.25, None, "sum")
    total.backward()
    assert total.isfinite() and x.grad.isfinite().all()


def test_bfloat16(logits):
    half = logits.bfloat16().requires_grad_()
    single = half.detach().float().requires_grad_()
    found = sigmoid_focal_loss(half, TARGET % 4, 2.0, 0.25, None, "none")
    expected = sigmoid_focal_loss(single, TARGET % 4, 2.0, 0.25, None, "none")
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=3e-2, atol=1e-3)
    sigmoid_focal_loss(half, TARGET % 4, 2.0, 0.25, None, "sum").backward()
    sigmoid_focal_loss(single, TARGET % 4, 2.0, 0.25, None, "sum").backward()
    assert half.grad.dtype == torch.bfloat16
    torch.testing.assert_close(half.grad.float(), single.grad, rtol=3e-2, atol=4e-3)


def test_no_rows():
    x = torch.zeros(0, 4, requires_grad=True)
    total = sigmoid_focal_loss(x, torch.zeros(0, dtype=torch.long), 2.0, 0.25, None, "sum")
    total.backward()
    assert total.item() == 0 and x.grad.shape == (0, 4)


def test_module():
    module = SigmoidFocalLoss(gamma=2.0, alpha=0.25)
    x, target = torch.zeros(3, 2), torch.tensor([0, 1, 2])
    # at p = 1/2 a positive costs alpha / 4 * ln 2, a negative (1 - alpha) / 4 * ln 2
    expected = (2 * 0.25 + 4 * 0.75) / 4 * math.log(2) / 3
    assert module(x, target).item() == pytest.approx(expected)
