"""Our networks against the same networks of torchvision, timm and mmdet, with the same weights."""

from itertools import product

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

import backbones
from backbones import naming

STAGES = ["layer1", "layer2", "layer3", "layer4"]


def library_network(known: naming.Naming, **options) -> nn.Module:
    if known.library == "timm":
        return timm.create_model(known.network, num_classes=11, **options)
    return torchvision.models.get_model(known.network, num_classes=11, **options)


def outputs(network: nn.Module, images: Tensor) -> list[Tensor]:
    """The four stages' outputs and the logits of another library's ResNet."""
    features: list[Tensor] = []
    hooks = [
        network.get_submodule(stage).register_forward_hook(lambda m, i, o: features.append(o))
        for stage in STAGES
    ]
    with torch.no_grad():
        logits = network(images)
    for hook in hooks:
        hook.remove()
    return [*features, logits]


def ours(model: nn.Module, images: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return [*model.forward_features(images), model(images)]


def pair(name: str, library: str, randomise, **options) -> tuple[nn.Module, nn.Module]:
    """Our network and the library's, with the library's random weights in both."""
    known = naming.library_naming(name, library)
    theirs = randomise(library_network(known, **options))
    model = backbones.build(name, num_classes=11, **options)
    model.load_state_dict(known.from_library(theirs.state_dict()))
    return model.eval(), theirs


def assert_equal(first: list[Tensor], second: list[Tensor]) -> None:
    assert len(first) == len(second) == 5
    for a, b in zip(first, second, strict=True):
        assert a.std() > 0.01  # something to compare
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("resnet50_b", "torchvision"),
        ("resnet50_c", "timm"),
        ("resnet50_d", "timm"),
        ("resnet18_b", "torchvision"),
        ("resnet18_d", "timm"),
    ],
)
@pytest.mark.parametrize("size", [(64, 64), (97, 65), (66, 75)])
def test_outputs_equal(name: str, library: str, size: tuple[int, int], randomise) -> None:
    model, theirs = pair(name, library, randomise)
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    assert_equal(ours(model, images), outputs(theirs, images))


@pytest.mark.parametrize("output_stride", [8, 16])
@pytest.mark.parametrize("name", ["resnet18_b", "resnet50_b"])
def test_dilated_outputs_equal(name: str, output_stride: int, randomise, images) -> None:
    model, theirs = pair(name, "timm", randomise, output_stride=output_stride)
    assert_equal(ours(model, images), outputs(theirs, images))


@pytest.mark.parametrize("name", ["resnet18_d", "resnet50_d"])
def test_the_shortcut_of_a_dilated_d_stage_does_not_pool(name: str, randomise, images) -> None:
    """timm averages 2x2 at stride 1 there; without that pool the networks are equal."""
    model, theirs = pair(name, "timm", randomise, output_stride=8)
    assert not torch.allclose(ours(model, images)[2], outputs(theirs, images)[2], atol=1e-2)
    for stage in ("layer3.0", "layer4.0"):
        shortcut = theirs.get_submodule(stage).downsample
        assert type(shortcut[0]).__name__ == "AvgPool2dSame"
        shortcut[0] = nn.Identity()
    assert_equal(ours(model, images), outputs(theirs, images))


@pytest.mark.parametrize("name", ["resnet50_a", "resnet50_c", "resnet18_d"])
def test_features_equal_mmdet(name: str, randomise, images) -> None:
    from mmdet.models.backbones import resnet

    known = naming.library_naming(name, "mmdet")
    theirs = getattr(resnet, known.network)(**known.arguments)
    theirs.eval()
    model = randomise(backbones.build(name))
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("fc.")}
    theirs.load_state_dict(known.to_library(state))
    with torch.no_grad():
        for a, b in zip(model.forward_features(images), theirs(images), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def held(name: str, library: str) -> bool:
    """Whether a library has a network; where it has not, the refusal gives its reason."""
    try:
        naming.library_naming(name, library)
    except ValueError as error:
        assert "cannot hold" in str(error)
        return False
    return True


@pytest.mark.parametrize(
    ("name", "library"),
    [pair for pair in product(backbones.names(), naming.LIBRARIES) if held(*pair)],
)
def test_the_tables_read_both_ways(name: str, library: str) -> None:
    known = naming.library_naming(name, library)
    with torch.device("meta"):
        state = backbones.build(name).state_dict()
    renamed = known.to_library(state)
    assert list(known.from_library(renamed)) == list(state)
    if library != "mmdet":  # built in the export's tests
        with torch.device("meta"):
            assert set(renamed) == set(library_network(known).state_dict())


@pytest.mark.parametrize(
    ("name", "library", "options", "message"),
    [
        ("resnet50_d", "torchvision", {}, "cannot hold resnet50_d: .*no 'resnet50d'.*B alone"),
        ("resnet50_a", "timm", {}, "timm cannot hold resnet50_a: .*no 'resnet50a'.*mmdet A, B"),
        ("resnet18_c", "timm", {}, "timm cannot hold resnet18_c: .*resnet101c"),
        ("resnet50_b", "timm", {"width": 0.5}, "at width 0.5: its resnet50 has a stem of 64"),
        ("resnet50_b", "mmdet", {"width": 0.7}, "at width 0.7: its ResNet has multiples of 8"),
        ("resnet50_b", "torchvision", {"output_stride": 8}, "would run at stride 32"),
        ("resnet50_b", "keras", {}, "unknown library 'keras'; known: torchvision, timm, mmdet"),
        ("resnet50", "timm", {}, "unknown backbone 'resnet50'"),
    ],
)
def test_what_a_library_cannot_hold(name: str, library: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        naming.library_naming(name, library, **options)


def test_variant_a_of_a_basic_block_is_variant_b() -> None:
    assert naming.library_naming("resnet18_a", "timm").network == "resnet18"


def test_a_key_without_a_row_is_named() -> None:
    known = naming.library_naming("resnet18_b", "timm")
    with pytest.raises(ValueError, match=r"for 1 keys: layer1\.0\.se"):
        known.from_library({"layer1.0.se": torch.zeros(1), "fc.bias": torch.zeros(1)})
