"""Every family against published counts, and by what any network of the registry must do.

What needs real numbers runs for one network a family, as narrow as it gets; `test_registry` looks
at the shapes of all of them.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import backbones
from backbones import properties
from backbones.describe import describe
from backbones.properties.optional import POOLS
from backbones.published import PUBLISHED
from families import parameters, representatives

#: Exact numbers of parameters with a 1000-way head. ResNet: arXiv:1812.01187's authors' code and
#: torchvision. HarDNet and RedNet: the authors' code. Others: timm, and its table rounded.
PARAMS = {
    "resnet50_a": 25_557_032,
    "resnet50_b": 25_557_032,
    "resnet50_c": 25_576_264,
    "resnet50_d": 25_576_264,
    "resnet152_d": 60_212_040,
    "resnext50_32x4d_b": 25_028_904,
    "seresnet50_b": 28_088_024,
    "preresnet50_b": 25_549_352,
    "rednet26": 9_233_166,
    "rednet38": 12_386_986,
    "rednet50": 15_540_806,
    "rednet101": 25_652_950,
    "rednet152": 33_984_582,
    "hardnet39ds": 3_488_228,
    "hardnet68": 17_565_348,
    "hardnet68ds": 4_180_602,
    "hardnet85": 36_670_212,
    "timm/resnest50d": 27_483_240,
    "timm/densenet121": 7_978_856,
    "timm/dpn68": 12_611_602,
    "timm/res2net50_26w_4s": 25_699_120,
    "timm/inception_v3": 23_834_568,
    "timm/mobilenetv1_100": 4_231_976,
    "timm/vgg19": 143_667_240,
    "timm/vgg19_bn": 143_678_248,
    "timm/legacy_seresnet50": 28_088_024,
}
#: Published MACs that are rounded to fewer digits than one percent needs.
ROUNDED = {"resnet50_a": 0.016, "hardnet39ds": 0.025, "hardnet68ds": 0.035}


class Norms:
    """Counts the values that batch norm sees, as fvcore does: two operations each."""

    def __init__(self, network: nn.Module) -> None:
        self.count = 0
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_hook(self.see)

    def see(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.count += 2 * inputs[0].numel()


@pytest.mark.parametrize("name", PARAMS)
def test_parameters_and_macs_are_the_published_ones(name: str) -> None:
    row = describe(name)
    assert row["params"] == PARAMS[name]
    published = PUBLISHED.get(name)
    if published is None:
        return
    assert f"{row['params'] / 1e6:.2f}" == published.params
    if published.gmacs is None:
        return
    macs = row["macs"]
    if published.norms:
        with torch.device("meta"):
            network = backbones.build(name).eval()
            norms = Norms(network)
            network(torch.empty(1, 3, row["input_size"], row["input_size"]))
        macs += norms.count
    assert macs / 1e9 == pytest.approx(published.gmacs, rel=ROUNDED.get(name, 0.01))


def test_published_figures_are_of_networks_that_exist() -> None:
    assert set(PUBLISHED) <= set(PARAMS) <= set(backbones.names())
    for name, published in PUBLISHED.items():
        bounds = [float(value) for value in published.top1.split("-")]
        assert 60 < bounds[0] <= bounds[-1] < 90, name


@pytest.fixture(scope="module", params=parameters())
def network(request) -> Any:
    return properties.network(request.param)


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return properties.pictures()


def test_features_are_those_of_the_contract_and_repeat(network: Any, pictures: Tensor) -> None:
    properties.repeats(network, pictures)


def test_a_state_dict_round_trip(network: Any, pictures: Tensor) -> None:
    keys = {key.split(".")[0] for key in network.state_dict()}
    assert keys <= {"stem", "stages", "pre_logits", "fc"}
    properties.state_dict(network, pictures)


@pytest.mark.parametrize("check", [properties.channels_last, properties.bfloat16])
def test_channels_last_and_bfloat16_agree(network: Any, pictures: Tensor, check) -> None:
    check(network, pictures)


def test_backward_reaches_every_parameter(network: Any, pictures: Tensor) -> None:
    properties.backward(network, pictures)


@pytest.mark.parametrize("name", parameters())
def test_frozen_stages_keep_still(name: str, pictures: Tensor) -> None:
    properties.frozen_stages(name, pictures)


@pytest.mark.parametrize("name", parameters())
def test_the_last_stage_as_a_box_head(name: str) -> None:
    try:
        properties.box_head(name)
    except properties.Absent:
        assert name in ("timm/inception_v3", "timm/vgg19", "timm/vgg19_bn")


FAST_TO_EXPORT = ("resnet18_a", "timm/mobilenetv1_100")


@pytest.mark.parametrize("name", parameters(slow={*representatives()} - {*FAST_TO_EXPORT}))
def test_torch_export_and_trace(name: str, pictures: Tensor) -> None:
    properties.exportable(name, pictures)


def slow_to_load() -> set[str]:
    """timm's networks come whole, so all but the smallest are slow."""
    return {n for n in representatives() if n.startswith("timm/")} - {"timm/mobilenetv1_100"}


@pytest.mark.parametrize("name", parameters(slow=slow_to_load()))
def test_an_export_comes_back_dilated_too(name: str) -> None:
    properties.export_round_trip(name)


#: Families that average over whole maps, and networks whose average pools carry a stride.
AVERAGING = ("seresnet", "dcdc_resnet", "timm/resnest", "timm/legacy_seresnet")
POOLED = ("resnet18_d", "resnext50_32x4d_d", "preresnet18_d", "timm/resnet18d")
POOLED_IN_FAMILY = ("rednet26", "timm/res2net50_26w_4s")
NOT_LISTED = ("timm/convnext_atto", "timm/gernet_s", "timm/resnet18")


@pytest.mark.parametrize("name", [*parameters(slow=slow_to_load()), *POOLED, *NOT_LISTED])
def test_dilated_it_computes_the_same_but_for_what_it_says(name: str) -> None:
    """Ours exactly, but for means over whole maps and ResNet-D's average pools."""
    try:
        said = properties.dilated(name)
    except properties.Absent as error:
        assert name in ("timm/inception_v3", "timm/gernet_s") and "output_stride=32" in str(error)
        return
    if name.startswith(AVERAGING):
        assert "averages over whole maps" in said
    elif name == "timm/convnext_atto":
        assert said == "its map of stride 32 is 8 pixels off, to the right and below"
    else:
        assert said == (POOLS if name in POOLED + POOLED_IN_FAMILY else "")
