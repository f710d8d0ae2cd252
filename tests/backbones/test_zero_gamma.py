"""Without the trick no gamma is 0 at the start; with it those of the last norms are, and no other.

Over the registry and over timm, whatever a network's library starts it with.
"""

from typing import Any

import pytest
import timm
import torch
from torch import nn

import backbones
from backbones import properties
from backbones.last_norms import last_norms
from backbones.properties.networks import narrow
from backbones.properties.optional import zeros

#: timm's networks: how the last norms of their residual blocks are called, and how many there are.
#: The numbers are those of blocks with a shortcut, by the papers' tables.
RESIDUAL: dict[str, tuple[Any, int]] = {
    "resnet18": ("bn2", 8),
    "resnest14d": ("bn3", 4),
    "res2net50_26w_4s": ("bn3", 16),
    "skresnet18": ("conv2.bn", 8),
    "regnetx_002": ("conv3.bn", 13),
    "regnety_002": ("conv3.bn", 13),
    "regnetz_005": ("conv3.bn", 17),
    "efficientnet_b0": ("bn3", 9),
    "mobilenetv2_050": ("bn3", 10),
    "mobilenetv3_small_050": ("bn3", 7),
    "mnasnet_050": ("bn3", 10),
    "cspresnet50": ("conv3.bn", 13),
    "gernet_s": ("bn", 14),
    "mobilevit_xxs": ("conv3_1x1.bn", 3),
    "dla34": ("bn2", 12),
    "swinv2_cr_tiny_ns_224": (("norm1", "norm2"), 24),
}
#: timm's networks without a residual block that ends in a norm, and why.
OTHERS = {
    "densenet121": "concatenates",
    "inception_v3": "concatenates",
    "mobilenetv1_100": "no shortcuts",
    "vgg11_bn": "no shortcuts",
    "repvgg_a0": "parallel branches of one convolution",
    "hgnetv2_b0": "concatenates, and ends in a ReLU",
    "legacy_seresnet18": "ends in a ReLU",
    "resnetv2_18": "ends in a convolution",
    "dpn68": "ends in a convolution",
    "convnext_atto": "ends in a linear layer",
    "nf_resnet26": "no norms",
}
DEEP = [name for name in backbones.names() if "101" in name or "152" in name or "vgg" in name]


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in DEEP else []) for n in backbones.names()],
)
def test_over_the_registry(name: str) -> None:
    try:
        properties.zero_gamma(name)
    except properties.Absent as error:
        assert "zero_gamma is not defined for" in str(error)
        assert name.startswith(("hardnet", *(f"timm/{other}" for other in (*OTHERS, "vgg"))))
        return
    with_it = backbones.build(name, 5, **narrow(name), zero_gamma=True)
    if name.startswith("preresnet"):  # its blocks end in a convolution, which takes their place
        blocks = [block for stage in with_it.stages for block in stage if hasattr(block, "conv2")]
        last = [(block.conv3 if block.bottleneck else block.conv2).weight for block in blocks]
        assert last and not any(weight.any() for weight in last)
    else:
        assert zeros(with_it)


@pytest.mark.parametrize("network", RESIDUAL)
def test_over_timm(network: str) -> None:
    suffix, count = RESIDUAL[network]
    assert not zeros(backbones.build(f"timm/{network}", 2))
    found = zeros(backbones.build(f"timm/{network}", 2, zero_gamma=True, init="xavier"))
    assert len(found) == count
    assert all(path.endswith(suffix) for path in found)
    timms = zeros(timm.create_model(network, num_classes=2))
    if timms:  # timm has the trick on by default
        with torch.device("meta"):
            plain = timm.create_model(network, num_classes=2)
        assert set(timms) == set(last_norms(plain, plain.pretrained_cfg["input_size"][-1]))


@pytest.mark.parametrize("network", OTHERS)
def test_networks_without_such_a_norm_say_so(network: str) -> None:
    with torch.device("meta"), pytest.raises(ValueError, match=f"zero_gamma.*timm/{network}"):
        backbones.build(f"timm/{network}", 2, zero_gamma=True)


@pytest.mark.parametrize("name", ["rednet26", "dcdc_resnet50_d", "resnet18_b"])
def test_a_network_that_always_has_it_says_so(name: str) -> None:
    always = name != "resnet18_b"
    assert backbones.info(name).built_in == (("zero_gamma",) if always else ())
    model = backbones.build(name, 5, width=0.25)
    assert bool(zeros(model)) == always == ("zero_gamma" in model.built_in)
    for told in (True, False):  # then the row says it, or it is not there
        assert backbones.build(name, 5, width=0.25, zero_gamma=told).built_in == ()


def test_what_stands_between_the_norm_and_the_sum() -> None:
    class Block(nn.Module):
        def __init__(self, act: nn.Module) -> None:
            super().__init__()
            self.conv, self.norm, self.act = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), act
            self.second, self.last = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            y = self.last(self.second(self.norm(x).relu()))
            return (x + self.act(y)).mean((2, 3))

    with torch.device("meta"):
        assert last_norms(Block(nn.Identity()), 8) == ["last"]
        assert last_norms(Block(nn.SiLU()), 8) == ["last"]
        assert last_norms(Block(nn.ReLU()), 8) == []  # gamma 0 would never get a gradient
        assert last_norms(Block(nn.Sigmoid()), 8) == []
