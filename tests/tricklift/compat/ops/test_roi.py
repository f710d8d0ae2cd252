"""RoIAlign against plain loops over pixels, and by gradcheck."""

import math
import re

import pytest
import torch
from mmcv.ops import RoIAlign, roi_align, roi_pool

ROIS = [
    [0, 1.3, 2.1, 9.7, 8.2],
    [1, 0.0, 0.0, 15.0, 11.0],
    [1, 5.5, 3.5, 6.0, 4.0],  # below one pixel at scale 0.5
    [0, -3.0, -4.0, 5.0, 30.0],  # beyond the image
    [1, 12.0, 2.0, 40.0, 9.0],
]


def bilinear(plane: list[list[float]], y: float, x: float) -> float:
    """Value between pixels; 0 more than a pixel outside."""
    height, width = len(plane), len(plane[0])
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
    top, left = math.floor(y), math.floor(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    upper = plane[top][left] * (1 - dx) + plane[top][right] * dx
    lower = plane[bottom][left] * (1 - dx) + plane[bottom][right] * dx
    return upper * (1 - dy) + lower * dy


def loop_roi_align(features, rois, size, scale, ratio, aligned):
    out = torch.zeros(len(rois), features.size(1), *size, dtype=features.dtype)
    shift = 0.5 if aligned else 0.0
    planes = features.tolist()
    for k, (image, *box) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (value * scale - shift for value in box)
        width, height = x2 - x1, y2 - y1
        if not aligned:
            width, height = max(width, 1.0), max(height, 1.0)
        bin_h, bin_w = height / size[0], width / size[1]
        rows = ratio if ratio > 0 else math.ceil(bin_h)
        columns = ratio if ratio > 0 else math.ceil(bin_w)
        for c in range(features.size(1)):
            for i in range(size[0]):
                for j in range(size[1]):
                    values = [
                        bilinear(
                            planes[int(image)][c],
                            y1 + (i + (a + 0.5) / rows) * bin_h,
                            x1 + (j + (b + 0.5) / columns) * bin_w,
                        )
                        for a in range(rows)
                        for b in range(columns)
                    ]
                    if values:
                        out[k, c, i, j] = sum(values) / len(values)
    return out


@pytest.fixture
def features(generator: torch.Generator) -> torch.Tensor:
    return torch.randn(2, 3, 6, 8, generator=generator, dtype=torch.float64)


@pytest.fixture
def rois() -> torch.Tensor:
    return torch.tensor(ROIS, dtype=torch.float64)


@pytest.mark.parametrize("ratio", [0, 1, 2])
@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_equals_the_loop(features, rois, aligned, ratio):
    expected = loop_roi_align(features, rois, (3, 2), 0.5, ratio, aligned)
    found = roi_align(features, rois, (3, 2), 0.5, ratio, "avg", aligned)
    torch.testing.assert_close(found, expected)
    single = roi_align(features.float(), rois.float(), (3, 2), 0.5, ratio, "avg", aligned)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single, expected.float(), rtol=1e-4, atol=1e-5)


def test_roi_align_by_hand():
    """On f(y, x) = x the average over a RoI is its centre: half-pixel shifted if aligned."""
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)
    roi = torch.tensor([[0, 2.0, 2.0, 8.0, 8.0]])
    assert roi_align(ramp, roi, 1, 1.0, 2, "avg", True).item() == pytest.approx(4.5)
    assert roi_align(ramp, roi, 1, 1.0, 2, "avg", False).item() == pytest.approx(5.0)


@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_gradient(features, rois, aligned, ratio):
    features.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: roi_align(x, rois, (3, 2), 0.5, ratio, "avg", aligned), features
    )


def test_roi_align_gradient_sums_over_rois(features, rois):
    """The same RoI twice gives twice the gradient (float32, where gradcheck is too coarse)."""
    grads = []
    for boxes in (rois[:1], rois[[0, 0]]):
        x = features.float().requires_grad_()
        roi_align(x, boxes.float(), 2, 0.5, 2, "avg", True).sum().backward()
        grads.append(x.grad)
    torch.testing.assert_close(grads[1], 2 * grads[0])


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_roi_align_in_half_types(features, rois, kind):
    """Half features: computed in float32, so equal to float32 on the same values, rounded."""
    half = features.to(kind).requires_grad_()
    single = features.to(kind).float().requires_grad_()
    found = roi_align(half, rois.float(), (3, 2), 0.5, 2, "avg", True)
    expected = roi_align(single, rois.float(), (3, 2), 0.5, 2, "avg", True)
    assert found.dtype == kind
    assert torch.equal(found, expected.to(kind))
    weights = torch.arange(expected.numel()).remainder(7).view_as(expected).float()
    found.backward(weights.to(kind))
    expected.backward(weights)
    assert half.grad.dtype == kind
    assert torch.equal(half.grad, single.grad.to(kind))  # summed in float32, rounded once


@pytest.mark.parametrize("batch", [0, 2])
def test_roi_align_without_rois(batch):
    x = torch.randn(batch, 3, 6, 8, requires_grad=True)
    out = roi_align(x, torch.zeros(0, 5), 7, 1.0, 0, "avg", True)
    assert out.shape == (0, 3, 7, 7)
    out.sum().backward()
    assert x.grad is not None and not x.grad.any()


def test_roi_align_of_an_empty_roi_is_zero(features):
    """No pixels, no samples: 0, and no gradient."""
    x = features.requires_grad_()
    out = roi_align(x, torch.tensor([[0, 3.0, 3, 3, 3]], dtype=x.dtype), 2, 1.0, 0, "avg", True)
    assert not out.any()
    out.sum().backward()
    assert not x.grad.any()


def test_roi_align_module_agrees_with_torchvision(features, rois):
    """mmcv's switch `use_torchvision` must change nothing."""
    own = RoIAlign((3, 2), 0.5, 2, aligned=True)
    other = RoIAlign((3, 2), 0.5, 2, aligned=True, use_torchvision=True)
    assert re.search("RoIAlign", repr(own))
    torch.testing.assert_close(own(features, rois), other(features, rois))


def test_pooling_by_the_maximum_has_no_stand_in(features, rois):
    with pytest.raises(NotImplementedError, match=r"roi_align.*max.*install compiled mmcv"):
        roi_align(features, rois, 2, 0.5, 2, "max", True)
    with pytest.raises(NotImplementedError, match=r"roi_pool.*install compiled mmcv"):
        roi_pool(features, rois, 2, 0.5)
