"""The op stand-ins on a card against the CPU, forward and backward."""

import pytest
import torch

pytest.importorskip("mmcv")
import tricklift.compat.setup  # noqa: F401

CARD = "cuda"


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def boxes(count: int) -> torch.Tensor:
    corner = numbers(count, 2) * 40
    return torch.cat([corner, corner + 4 + 20 * numbers(count, 2, seed=1)], dim=1)


def rois(count: int) -> torch.Tensor:
    return torch.cat([(torch.arange(count) % 2).float().view(-1, 1), boxes(count)], dim=1)


def both(function, *inputs: torch.Tensor) -> None:
    """Output and gradients on the card are the CPU's."""
    found = []
    for device in ("cpu", CARD):
        given = [x.detach().to(device) for x in inputs]
        for x in given:
            x.requires_grad_(x.is_floating_point())
        out = function(*given)
        floats = [x for x in given if x.is_floating_point()]
        grads = torch.autograd.grad(out.square().sum(), floats, allow_unused=True)
        found.append([x.detach().cpu() for x in (out, *grads) if x is not None])
    assert len(found[0]) == len(found[1]) > 1
    for cpu, card in zip(*found, strict=True):
        torch.testing.assert_close(card, cpu, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("op", ["nms", "batched_nms", "soft_nms"])
def test_op_nms(op):
    from mmcv import ops

    calls = {
        "nms": lambda b, s: ops.nms(b, s, 0.5),
        "batched_nms": lambda b, s: ops.batched_nms(
            b, s, torch.arange(len(b), device=b.device) % 3, dict(type="nms", iou_threshold=0.5)
        ),
        "soft_nms": lambda b, s: ops.soft_nms(b, s, 0.5),
    }
    inputs = boxes(200), numbers(200, seed=2)
    cpu = calls[op](*inputs)
    card = calls[op](*(x.to(CARD) for x in inputs))
    for ours, theirs in zip(card, cpu, strict=True):
        assert ours.device.type == CARD
        torch.testing.assert_close(ours.cpu(), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("op", ["roi_align", "roi_align-adaptive"])
def test_op_roi(op):
    from mmcv import ops

    where = rois(12)
    calls = {
        "roi_align": lambda x: ops.roi_align(x, where.to(x), 7, 0.5, 2),
        "roi_align-adaptive": lambda x: ops.roi_align(x, where.to(x), 7, 0.5, 0),
    }
    both(calls[op], numbers(2, 3, 32, 32))


@pytest.mark.parametrize("op", ["deform_conv2d", "modulated_deform_conv2d"])
def test_op_deformable(op):
    from mmcv import ops

    offset, mask = 2 * numbers(2, 18, 16, 16, seed=1) - 1, numbers(2, 9, 16, 16, seed=2)
    x, weight = numbers(2, 4, 16, 16), numbers(6, 4, 3, 3, seed=3) - 0.5
    if op == "deform_conv2d":
        both(lambda *a: ops.deform_conv2d(*a, 1, 1), x, offset, weight)
    else:
        plain = lambda x, o, m, w: ops.modulated_deform_conv2d(x, o, m, w, None, 1, 1)  # noqa: E731
        both(plain, x, offset, mask, weight)


def test_op_focal():
    from mmcv import ops

    labels = torch.arange(30) % 5
    both(
        lambda x: ops.sigmoid_focal_loss(x, labels.to(x.device), 2.0, 0.25), numbers(30, 5) * 8 - 4
    )
