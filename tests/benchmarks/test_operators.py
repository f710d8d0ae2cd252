"""Operators come into the groups that they belong to."""

import pytest
import torch

from benchmarks import operators


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("aten::mkldnn_convolution", "convolutions"),
        ("aten::convolution_backward", "convolutions"),
        ("autograd::engine::evaluate_function: ConvolutionBackward0", operators.REST),
        ("aten::addmm_", "matrix products"),
        ("aten::native_batch_norm_backward", "batch norm"),
        ("aten::copy_", "casts and copies"),
        ("torchvision::nms", "box suppression"),
        ("aten::relu", operators.REST),
    ],
)
def test_groups(name, group):
    assert operators.group_of(name) == group


def test_two_calls_side_by_side():
    conv, square = torch.nn.Conv2d(8, 8, 3), torch.ones(300, 300)
    convolved = operators.times(lambda: conv(torch.ones(1, 8, 64, 64)))
    found = operators.beside(convolved, operators.times(lambda: square @ square))
    assert found["convolutions"][0] > 0 == found["convolutions"][1]
    assert found["matrix products"][0] == 0 < found["matrix products"][1]
    assert "box suppression" not in found


def test_the_limit_is_the_ratio_of_the_arithmetic():
    parts = {"convolutions": (30.0, 80.0), "matrix products": (10.0, 20.0), "softmax": (40.0, 40.0)}
    assert operators.limit(parts) == (2.5, 0.5)  # 100 / 40, and 40 of 80
    assert operators.limit({"softmax": (40.0, 40.0)}) == (0.0, 0.0)
