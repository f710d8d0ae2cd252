"""Every family against published counts, and by what any network of the registry must do.

What needs real numbers runs for one network a family, as narrow as it gets; `test_registry` looks
at the shapes of all of them.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import backbones
from backbones.checkpoint import load_pretrained
from backbones.describe import describe
from backbones.export import export
from backbones.published import PUBLISHED
from backbones.wrapper import TrickBackbone
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
#: Not in torch.export: none so far.
NOT_EXPORTABLE: dict[str, str] = {}


def narrow(name: str) -> dict[str, Any]:
    return {"width": 0.25} if "width" in backbones.info(name).options else {}


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
def network(request, randomise) -> Any:
    torch.manual_seed(0)
    model = backbones.build(request.param, 10, **narrow(request.param))
    for module in model.modules():  # Inception's own start lets the maps grow a thousandfold
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in")
    return randomise(model)


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return torch.randn(2, 3, 97, 129, generator=torch.Generator().manual_seed(0))


def distance(a: Tensor, b: Tensor) -> float:
    return ((a - b).norm() / b.norm()).item()


def test_features_are_those_of_the_contract_and_repeat(network: Any, pictures: Tensor) -> None:
    with torch.no_grad():
        first, second = network.forward_features(pictures), network.forward_features(pictures)
        logits = network(pictures)
    assert tuple(f.shape[1] for f in first) == network.feature_info.channels
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)
        assert a.isfinite().all()
    assert torch.equal(network(pictures), logits)
    assert logits.shape == (2, 10)


def test_a_state_dict_round_trip(network: Any, pictures: Tensor) -> None:
    state = {key: value.clone() for key, value in network.state_dict().items()}
    assert {key.split(".")[0] for key in state} <= {"stem", "stages", "pre_logits", "fc"}
    with torch.device("meta"):
        other = backbones.build(network.name, 10, **network.options)
    other.to_empty(device="cpu")
    other.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(other.eval()(pictures), network(pictures))


def test_channels_last_and_bfloat16_agree(network: Any, pictures: Tensor) -> None:
    with torch.no_grad():
        plain = network(pictures)
        last = copy.deepcopy(network).to(memory_format=torch.channels_last)
        other = last(pictures.contiguous(memory_format=torch.channels_last))
        with torch.autocast("cpu", torch.bfloat16):
            half = network(pictures)
    assert distance(other, plain) < 1e-4
    assert distance(half.float(), plain) < 0.05


def test_backward_reaches_every_parameter(network: Any, pictures: Tensor) -> None:
    model = copy.deepcopy(network).train()
    model(pictures).square().sum().backward()
    unreached = [k for k, p in model.named_parameters() if p.grad is None]
    assert not unreached
    assert all(p.grad.isfinite().all() for p in model.parameters())
    assert sum(bool(p.grad.any()) for p in model.parameters()) > 0.9 * len(list(model.parameters()))


@pytest.mark.parametrize("name", parameters())
def test_frozen_stages_keep_still(name: str, pictures: Tensor, randomise) -> None:
    model = TrickBackbone(name, frozen_stages=2, **narrow(name))
    randomise(model.net)  # statistics that keep the maps of a frozen involution finite
    model.train()
    before = {key: value.clone() for key, value in model.named_buffers()}
    sum(f.sum() for f in model(pictures)).backward()
    frozen = ("net.stem.", "net.stages.0.", "net.stages.1.")
    for key, parameter in model.named_parameters():
        assert parameter.requires_grad != key.startswith(frozen), key
        assert (parameter.grad is not None) == parameter.requires_grad, key
    moved = {key for key, value in model.named_buffers() if not torch.equal(value, before[key])}
    statistics = {key for key in before if key.endswith(("running_mean", "running_var"))}
    assert moved & statistics == {key for key in statistics if not key.startswith(frozen)}
    assert not [key for key in moved if key.startswith(frozen)]


FAST_TO_EXPORT = ("resnet18_a", "timm/mobilenetv1_100")


@pytest.mark.parametrize("name", parameters(slow={*representatives()} - {*FAST_TO_EXPORT}))
def test_torch_export_and_trace(name: str, pictures: Tensor) -> None:
    model = backbones.build(name, 10, **narrow(name)).eval()
    if name in NOT_EXPORTABLE:
        with pytest.raises(Exception, match=NOT_EXPORTABLE[name]):
            torch.export.export(model, (pictures,))
        return
    program = torch.export.export(model, (pictures,)).module()
    with torch.no_grad():
        traced = torch.jit.trace(model, pictures)
        for graph in (program, traced):
            torch.testing.assert_close(graph(pictures), model(pictures), rtol=1e-4, atol=1e-4)


def slow_to_load() -> set[str]:
    """timm's networks come whole, so all but the smallest are slow."""
    return {n for n in representatives() if n.startswith("timm/")} - {"timm/mobilenetv1_100"}


@pytest.mark.parametrize("name", parameters(slow=slow_to_load()))
def test_an_export_comes_back_dilated_too(
    name: str, exported, tmp_path: Path, pictures: Tensor
) -> None:
    source, out = exported(name, **narrow(name)), tmp_path / "out.safetensors"
    assert export(source, out).difference == 0
    dilated = {} if name == "timm/inception_v3" else {"output_stride": 8}
    for options in (narrow(name), {**narrow(name), **dilated}):
        model = backbones.build(name, 9, **options)
        load_pretrained(model, out)
        with torch.no_grad():
            assert all(f.isfinite().all() for f in model.eval().forward_features(pictures))
