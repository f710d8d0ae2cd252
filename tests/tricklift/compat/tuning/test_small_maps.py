"""The product a position against the convolution that it stands for."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import backbones
from tricklift.compat.tuning.small_maps import FEW, SmallMapsConv, by_position, speed_up


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    speed_up(conv)
    assert type(conv) is SmallMapsConv
    return conv


def last(conv: nn.Conv2d) -> nn.Conv2d:
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
    conv = last(convolution(8, 16, stride))
    with torch.profiler.profile() as profile:
        conv(torch.randn(2, 8, side, side).to(memory_format=torch.channels_last))
    names = [event.name for event in profile.events()]
    assert names.count("aten::linear") == products
    assert names.count("aten::conv2d") == (0 if products else 1)
    assert products <= FEW


@pytest.mark.parametrize("why", ["eval", "contiguous"])
def test_otherwise_it_is_a_plain_convolution(why: str) -> None:
    conv = last(convolution(8, 16)).eval() if why == "eval" else convolution(8, 16)
    with torch.profiler.profile() as profile:
        conv(torch.randn(2, 8, 2, 2))
    assert "aten::conv2d" in [event.name for event in profile.events()]


def test_bfloat16_under_autocast_is_near_float32() -> None:
    torch.manual_seed(0)
    conv = last(convolution(64, 64))
    x = torch.randn(8, 64, 2, 2).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = conv(x.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), conv(x), rtol=0.05, atol=0.03)


@pytest.mark.parametrize(
    "other",
    [dict(bias=True), dict(groups=2), dict(dilation=2, padding=2), dict(padding=0)],
)
def test_what_it_cannot_compute_is_left_alone(other: dict) -> None:
    conv = nn.Conv2d(4, 4, 3, **{"padding": 1, "bias": False, **other})
    speed_up(conv)
    assert type(conv) is nn.Conv2d


def test_a_network_trains_as_without_it() -> None:
    torch.manual_seed(0)
    plain = last(backbones.build("resnet18_b", 3, width=0.25).double())
    tuned = copy.deepcopy(plain)
    speed_up(tuned)
    assert sum(isinstance(m, SmallMapsConv) for m in tuned.modules()) == 16
    assert list(tuned.state_dict()) == list(plain.state_dict())
    x = last(torch.randn(4, 3, 64, 64, dtype=torch.float64))
    for model in (plain, tuned):
        model(x).square().sum().backward()
    for (name, a), b in zip(plain.named_parameters(), tuned.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, msg=name)
