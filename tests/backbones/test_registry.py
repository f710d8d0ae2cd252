from typing import Any

import pytest

import backbones
from backbones import properties


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
    properties.contract(name)


def test_every_backbone_takes_what_configs_and_tricks_set() -> None:
    for name in backbones.names():
        properties.options(name)


@pytest.mark.parametrize("name", deep_ones_slow())
def test_the_parts_of_a_network_are_all_of_it(name: str) -> None:
    properties.parts(name)


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
