"""The product a position against the convolution that it stands for."""

import pytest
import torch
import torch.nn.functional as F

from backbones.small_maps import FEW, Conv3x3, by_position


def last(conv: Conv3x3) -> Conv3x3:
    return conv.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2), (3, 2), (4, 4), (5, 3)])
@pytest.mark.parametrize("stride", [1, 2])
def test_it_is_the_convolution_with_its_gradients(size: tuple[int, int], stride: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, *size, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 4, 3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    ours, theirs = by_position(x, weight, stride), F.conv2d(x, weight, None, stride, 1)
    torch.testing.assert_close(ours, theirs)
    slope = torch.randn(theirs.shape, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(
        torch.autograd.grad(ours, (x, weight), slope),
        torch.autograd.grad(theirs, (x, weight), slope),
    )


@pytest.mark.parametrize(
    ("side", "stride", "products"), [(2, 1, 4), (4, 2, 4), (4, 1, 0), (6, 2, 0)]
)
def test_only_few_positions_leave_the_usual_way(side: int, stride: int, products: int) -> None:
    conv = last(Conv3x3(8, 16, stride))
    with torch.profiler.profile() as profile:
        conv(torch.randn(2, 8, side, side).to(memory_format=torch.channels_last))
    names = [event.name for event in profile.events()]
    assert names.count("aten::linear") == products
    assert names.count("aten::conv2d") == (0 if products else 1)
    assert products <= FEW


@pytest.mark.parametrize("why", ["eval", "contiguous"])
def test_otherwise_it_is_a_plain_convolution(why: str) -> None:
    conv = last(Conv3x3(8, 16)).eval() if why == "eval" else Conv3x3(8, 16)
    with torch.profiler.profile() as profile:
        conv(torch.randn(2, 8, 2, 2))
    assert "aten::conv2d" in [event.name for event in profile.events()]


def test_bfloat16_under_autocast_is_near_float32() -> None:
    torch.manual_seed(0)
    conv = last(Conv3x3(64, 64))
    x = torch.randn(8, 64, 2, 2).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = conv(x.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), conv(x), rtol=0.05, atol=0.03)
