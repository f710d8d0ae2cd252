import pytest
import torch

import backbones
from backbones.features import Backbone


def test_names_are_the_five_depths_in_the_four_variants() -> None:
    expected = {f"resnet{d}_{v}" for d in (18, 34, 50, 101, 152) for v in "abcd"}
    assert expected <= set(backbones.names())


@pytest.mark.parametrize("name", backbones.names())
def test_every_backbone_fulfils_the_contract(name: str) -> None:
    with torch.device("meta"):
        model = backbones.build(name, num_classes=7).eval()
        size = 2 * backbones.info(name).input_size + 64
        image = torch.empty(1, 3, size, size)
    assert isinstance(model, Backbone)
    assert isinstance(model.fc, torch.nn.Linear)
    assert (model.name, model.options) == (name, {})
    features = model.forward_features(image)
    assert len(features) == len(model.stages) == 4
    assert tuple(f.shape[1] for f in features) == model.feature_info.channels
    assert tuple(-(-size // f.shape[2]) for f in features) == model.feature_info.strides
    assert model(image).shape == (1, 7)


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
