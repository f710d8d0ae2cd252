"""Average RoIAlign against torchvision's kernels, which `test_roi.py` does not use on a CPU."""

import pytest
import torch
import torchvision  # noqa: F401  (registers its kernels)

from tricklift.compat.ops.roi_average import average, average_backward

KERNELS = torch.ops.torchvision


@pytest.fixture
def rois(generator: torch.Generator) -> torch.Tensor:
    """40 boxes of 1 to 120 px in two images of 160 x 120 px, some across the border."""
    corner = torch.rand(40, 2, generator=generator, dtype=torch.float64) * 150 - 10
    extent = 1 + torch.rand(40, 2, generator=generator, dtype=torch.float64) * 119
    image = torch.arange(40, dtype=torch.float64)[:, None] % 2
    return torch.cat([image, corner, corner + extent], dim=1)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize(("size", "ratio"), [((7, 7), 0), ((7, 7), 2), ((3, 5), 0)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_forward_and_backward(generator, rois, layout, size, ratio, aligned):
    features = torch.randn(2, 6, 30, 40, generator=generator, dtype=torch.float64)
    features = features.contiguous(memory_format=layout)
    expected = KERNELS.roi_align(features, rois, 0.25, *size, ratio, aligned)
    output = torch.empty_like(expected)
    average(features, rois, output, 0.25, ratio, aligned)
    torch.testing.assert_close(output, expected)

    grad = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    shape = features.shape
    expected = KERNELS._roi_align_backward(grad, rois, 0.25, *size, *shape, ratio, aligned)
    found = torch.ones_like(features)  # what is there stays, the gradient comes on top
    average_backward(grad, rois, found, 0.25, ratio, aligned)
    torch.testing.assert_close(found, expected + 1)


def test_a_box_that_is_not_finite_spoils_no_other(generator, rois):
    features = torch.randn(2, 3, 30, 40, generator=generator, dtype=torch.float64)
    broken = rois.clone()
    broken[0, 1], broken[1, 4] = float("nan"), float("inf")
    outputs = []
    for boxes in (rois, broken):
        outputs.append(features.new_empty(40, 3, 7, 7))
        average(features, boxes, outputs[-1], 0.25, 0, True)
    assert torch.equal(outputs[0][2:], outputs[1][2:])
    assert outputs[1].isfinite().all()


def test_autocast_does_not_round_the_products(generator, rois):
    features, rois = torch.randn(2, 6, 30, 40, generator=generator), rois.float()
    found = []
    for on in (False, True):
        output, grad_input = torch.empty(40, 6, 7, 7), torch.zeros_like(features)
        with torch.autocast("cpu", torch.bfloat16, enabled=on):
            average(features, rois, output, 0.25, 0, True)
            average_backward(output, rois, grad_input, 0.25, 0, True)
        found.append((output, grad_input))
    assert torch.equal(found[0][0], found[1][0]) and torch.equal(found[0][1], found[1][1])
