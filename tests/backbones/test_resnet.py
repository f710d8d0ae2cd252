"""Counts and numbers of the ResNets; their outputs are compared with other libraries' elsewhere."""

import math

import pytest
import torch
from torch import nn

import backbones


def parameters(name: str, **options) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in backbones.build(name, **options).parameters())


@pytest.mark.parametrize(
    ("name", "count"),
    [  # arXiv:1812.01187 Table 5, counted exactly, with a 1000-way head
        ("resnet50_a", 25_557_032),
        ("resnet50_b", 25_557_032),
        ("resnet50_c", 25_576_264),
        ("resnet50_d", 25_576_264),
        ("resnet152_d", 60_212_040),
        ("resnet18_b", 11_689_512),  # torchvision's documentation of resnet18 and resnet34
        ("resnet34_b", 21_797_672),
    ],
)
def test_parameter_counts(name: str, count: int) -> None:
    assert parameters(name) == count


def strides(block: nn.Module) -> list[int]:
    return [m.stride[0] for m in (block.conv1, block.conv2, block.conv3)]


def test_the_variants_put_the_stride_where_the_paper_says() -> None:
    first = {v: backbones.build(f"resnet50_{v}", width=0.25).stages[1][0] for v in "abcd"}
    assert strides(first["a"]) == [2, 1, 1]
    for variant in "bcd":
        assert strides(first[variant]) == [1, 2, 1]
    assert first["c"].shortcut.conv.stride == (2, 2)
    assert first["d"].shortcut.conv.stride == (1, 1)
    assert first["d"].shortcut.pool.kernel_size == 2


def test_width_scales_every_channel() -> None:
    model = backbones.build("resnet50_d", width=0.5)
    assert model.feature_info.channels == (128, 256, 512, 1024)
    assert model.stem.conv1.out_channels == 16
    with pytest.raises(ValueError, match="width must be above 0 and at most 64, got 0"):
        backbones.build("resnet50_d", width=0)


@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize("name", ["resnet18_d", "resnet50_a"])
def test_output_stride(name: str, output_stride: int) -> None:
    model = backbones.build(name, width=0.25, output_stride=output_stride).eval()
    assert model.feature_info.strides == tuple(min(s, output_stride) for s in (4, 8, 16, 32))
    with torch.no_grad():
        last = model.forward_features(torch.zeros(1, 3, 65, 65))[-1]
    assert last.shape[2:] == (math.ceil(65 / output_stride),) * 2


def test_another_output_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="output_stride must be one of 8, 16, 32; got 4"):
        backbones.build("resnet18_b", output_stride=4)


@pytest.mark.parametrize("name", ["resnet18_b", "resnet50_d"])
def test_with_zero_gamma_every_block_starts_as_its_shortcut(name: str) -> None:
    model = backbones.build(name, width=0.25, zero_gamma=True)
    x = model.stem(torch.randn(2, 3, 64, 64))
    for stage in model.stages:
        for block in stage:
            y = block(x)  # in training mode: gamma 0 and beta 0 whatever the statistics are
            assert torch.equal(y, block.shortcut(x).relu())
            x = y


def test_kaiming_initialisation() -> None:
    torch.manual_seed(0)
    weight = backbones.build("resnet18_b", init="kaiming").stages[3][1].conv1.weight
    # He et al. 2015, fan out: 512 * 3 * 3 = 4608 and std sqrt(2 / 4608) = 0.020833
    assert weight.mean().abs() < 1e-4
    assert weight.std().item() == pytest.approx(0.020833, rel=0.01)
    assert weight.abs().max() > 3 * 0.020833  # normal, not uniform


def test_xavier_initialisation() -> None:
    torch.manual_seed(0)
    model = backbones.build("resnet18_b", init="xavier")
    # Glorot and Bengio 2010, uniform: sqrt(6 / (4608 + 4608)) = 0.025516
    weight = model.stages[3][1].conv1.weight
    assert 0.0255 < weight.abs().max().item() <= 0.025516
    assert weight.std().item() == pytest.approx(0.025516 / math.sqrt(3), rel=0.01)
    # the head: sqrt(6 / (512 + 1000)) = 0.062994
    assert 0.0629 < model.fc.weight.abs().max().item() <= 0.062994
    assert not model.fc.bias.any()
    with pytest.raises(ValueError, match=r"init must be 'xavier' \(the paper\) or 'kaiming'"):
        backbones.build("resnet18_b", init="he")


def test_a_and_b_with_the_same_weights_are_different_networks(randomise, images) -> None:
    a, b = (randomise(backbones.build(f"resnet50_{v}", width=0.25)) for v in "ab")
    b.load_state_dict(a.state_dict())
    with torch.no_grad():
        assert not torch.allclose(a(images), b(images), atol=1e-3)
