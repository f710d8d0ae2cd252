from typing import Any

import pytest
import torch

import backbones
from backbones.features import Backbone


def test_names_are_the_five_depths_in_the_four_variants() -> None:
    expected = {f"resnet{d}_{v}" for d in (18, 34, 50, 101, 152) for v in "abcd"}
    assert expected <= set(backbones.names())


def deep_ones_slow() -> list[Any]:
    """All names; those of 101 and 152 layers take long even without computing anything."""
    deep = [name for name in backbones.names() if "101" in name or "152" in name]
    return [
        pytest.param(name, marks=[pytest.mark.slow] if name in deep else [], id=name)
        for name in backbones.names()
    ]


@pytest.mark.parametrize("name", deep_ones_slow())
def test_every_backbone_fulfils_the_contract(name: str) -> None:
    """Channels, and strides as the cells that 64 and 128 pixels more add, at two odd sizes.

    A quotient of sizes would not do: Inception-V3 has no padding at its border.
    """
    with torch.device("meta"):
        model = backbones.build(name, num_classes=7).eval()
        small, large = (
            model.forward_features(torch.empty(1, 3, *size)) for size in ((161, 97), (225, 225))
        )
        logits = model(torch.empty(2, 3, 161, 97))
    assert isinstance(model, Backbone)
    assert isinstance(model.fc, torch.nn.Linear)
    assert (model.name, model.options) == (name, {})
    assert model.feature_info.strides == (4, 8, 16, 32)
    assert len(small) == len(large) == len(model.stages) == 4
    for stride, channels, a, b in zip(*feature_info(model), small, large, strict=True):
        assert a.shape[:2] == b.shape[:2] == (1, channels)
        grown = (b.shape[2] - a.shape[2], b.shape[3] - a.shape[3])
        assert grown == (64 // stride, 128 // stride)
    assert logits.shape == (2, 7)


def test_every_backbone_takes_what_configs_and_tricks_set() -> None:
    for name in backbones.names():
        assert {"output_stride", "init", "zero_gamma"} <= set(backbones.info(name).options), name


@pytest.mark.parametrize("name", deep_ones_slow())
def test_the_parts_of_a_network_are_all_of_it(name: str) -> None:
    with torch.device("meta"):
        model, cut = backbones.build(name, num_classes=2), backbones.build(name, num_classes=2)
    parts = model.frozen_parts(4)
    assert len(model.parts()) == 5 and not model.frozen_parts(-1)
    inside = {id(p) for part in parts for p in part.parameters()}
    assert {k.partition(".")[0] for k, p in model.named_parameters() if id(p) not in inside} <= {
        *("fc", "pre_logits")
    }
    cut.keep_until(1)
    assert len(cut.parts()) == 3
    kept = {id(p) for part in cut.frozen_parts(2) for p in part.parameters()}
    assert kept == {id(p) for p in cut.parameters()}
    with pytest.raises(ValueError, match=r"must be from -1 .* to 2"):
        cut.frozen_parts(3)


def feature_info(model: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return model.feature_info.strides, model.feature_info.channels


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(
        ValueError, match=r"unknown backbone 'resnet50d'.*did you mean 'resnet50_d'"
    ):
        backbones.build("resnet50d")


def test_an_unknown_option_names_the_allowed_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown option 'widht'.*allowed: width, output_stride"):
        backbones.build("resnet18_b", widht=2)


@pytest.mark.parametrize("option", ["depth", "variant"])
def test_what_the_name_says_is_no_option(option: str) -> None:
    with pytest.raises(ValueError, match=f"unknown option '{option}'"):
        backbones.build("resnet18_b", **{option: 50})


def test_num_classes_must_be_positive() -> None:
    with pytest.raises(ValueError, match="num_classes must be at least 1, got 0"):
        backbones.build("resnet18_b", num_classes=0)
