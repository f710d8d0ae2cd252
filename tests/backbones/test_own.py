"""Networks of one's own: adapted, and held to what ours must do."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

import backbones
from backbones import FeatureInfo, GlobalAverage, StagedNet, properties, register_backbone, registry
from backbones.checkpoint import load_pretrained, pretrained
from backbones.properties import PROPERTIES, Absent
from backbones.properties.optional import POOLS
from backbones.wrapper import TrickBackbone, TrickStage

RESNET = ("layer1", "layer2", "layer3", "layer4")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = dict(registry._REGISTRY), dict(registry._OWN)
    yield
    for kept, now in zip(before, (registry._REGISTRY, registry._OWN), strict=True):
        now.clear()
        now.update(kept)


def narrow_resnet(num_classes: int = 1000, **options: Any) -> nn.Module:
    block = torchvision.models.resnet.BasicBlock
    model = torchvision.models.ResNet(block, [1, 1, 1, 1], num_classes=num_classes, **options)
    return model


def staged(num_classes: int, *, output_stride: int = 32, width: int = 8) -> StagedNet:
    """By the contract itself."""
    if output_stride != 32:
        from tricklift.errors import UserError

        raise UserError(f"staged has no output stride {output_stride}")

    def layer(inputs: int, outputs: int, stride: int) -> nn.Module:
        conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())

    widths = [width * factor for factor in (1, 1, 2, 4, 8)]
    stages = [layer(a, b, 2 if i else 1) for i, (a, b) in enumerate(pairwise(widths))]
    stem = nn.Sequential(layer(3, width, 2), nn.MaxPool2d(2))
    head = nn.Linear(widths[-1], num_classes)
    info = FeatureInfo(tuple(widths[1:]), (4, 8, 16, 32))
    return StagedNet(stem, stages, head, info, GlobalAverage())


#: Kind -> what registers it, the properties that it may lack.
KINDS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "classifier": (dict(factory=narrow_resnet, stages=RESNET), set()),
    "contract": (dict(factory=staged), {"output stride 8 (FCN, PSPNet)", "zero gamma"}),
    "features_only": (
        dict(factory=lambda: timm.create_model("resnet10t", features_only=True)),
        {"output stride 8 (FCN, PSPNet)", "C4 box head"},
    ),
    "its stages are more than modules": (
        dict(
            factory=lambda num_classes: timm.create_model("lcnet_035", num_classes=num_classes),
            stages=("blocks.1", "blocks.2", "blocks.4", "blocks.5"),
        ),
        {"output stride 8 (FCN, PSPNet)", "zero gamma"},
    ),
}
#: timm's networks take torch.export long.
SLOW = ("features_only", "its stages are more than modules")


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[pytest.mark.slow] if k in SLOW else []) for k in KINDS]
)
def test_all_properties_hold(kind: str) -> None:
    settings, lacks = KINDS[kind]
    register_backbone("mine", **settings)
    absent = set()
    for title, check in PROPERTIES.items():
        try:
            check("mine")
        except Absent:
            absent.add(title)
    assert absent == lacks


class Halves(nn.Module):
    """A ResNet-D of two layers a stage, of which the first halves the map, by itself or dilated."""

    def __init__(self, inputs: int, outputs: int, stride: int, rate: int, behind: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(inputs, outputs, 3, stride, rate, rate)
        self.b = nn.Conv2d(outputs, outputs, 3, 1, behind, behind)
        self.pool = nn.AvgPool2d(2, 2) if stride == 2 else nn.Identity()
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).relu()) + self.shortcut(self.pool(x))


def with_pools(num_classes: int = 1000, *, output_stride: int = 32, last: int = 4) -> StagedNet:
    """At output stride 8 the last layer should have dilation 4."""
    dense = output_stride == 8
    row = [(4, 4, 1, 1, 1), (4, 8, 2, 1, 1)]
    row += [(8, 8, 1, 1, 2), (8, 8, 1, 2, last)] if dense else [(8, 8, 2, 1, 1)] * 2
    info = FeatureInfo((4, 8, 8, 8), (4, 8, 8, 8) if dense else (4, 8, 16, 32))
    return StagedNet(
        nn.Conv2d(3, 4, 7, 4, 3), [Halves(*r) for r in row], nn.Linear(8, num_classes), info
    )


def test_a_wrong_dilation_is_broken_beside_pools_that_cannot_be_dilated() -> None:
    register_backbone("mine", with_pools)
    assert properties.dilated("mine") == POOLS
    for wrong in (1, 2, 3):
        register_backbone("mine", partial(with_pools, last=wrong))
        with pytest.raises(properties.Broken, match="map of stride 32 differs"):
            properties.dilated("mine")


def test_what_follows_from_running_it() -> None:
    register_backbone("mine", narrow_resnet, stages=RESNET)
    model: Any = backbones.build("mine", 7)
    assert model.feature_info == FeatureInfo((64, 128, 256, 512), (4, 8, 16, 32))
    sizes = [
        sum(p.numel() for m in part for p in m.parameters(recurse=False)) for part in model.parts()
    ]
    theirs = narrow_resnet()
    expected = [theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4]
    assert sizes[1:] == [sum(p.numel() for p in stage.parameters()) for stage in expected]
    assert sizes[0] == 7 * 7 * 3 * 64 + 2 * 64  # conv1 and bn1
    assert backbones.build("mine", output_stride=8).feature_info.strides == (4, 8, 8, 8)
    cut: Any = TrickBackbone("mine", out_indices=(0, 1))
    assert not [key for key in cut.state_dict() if "layer3" in key or "fc" in key]
    assert backbones.info("mine").family == "own"
    assert "'mine'" in str(backbones.info("mine")) and __file__ in backbones.info("mine").source


def test_options_are_those_of_the_factory() -> None:
    register_backbone("mine", staged)
    assert backbones.info("mine").options == ["output_stride", "init", "zero_gamma", "width"]
    assert backbones.build("mine", width=4).feature_info.channels == (4, 8, 16, 32)
    with pytest.raises(
        ValueError, match=r"unknown option 'depth' for backbone 'mine'; allowed: .*width"
    ):
        backbones.build("mine", depth=3)
    with pytest.raises(ValueError, match="init must be 'own', 'xavier' or 'kaiming'; got 'he'"):
        backbones.build("mine", init="he")


def test_zero_gamma_of_a_network_that_always_has_it() -> None:
    factory = lambda num_classes: narrow_resnet(num_classes, zero_init_residual=True)  # noqa: E731
    register_backbone("mine", factory, stages=RESNET)
    assert not properties.zeros(backbones.build("mine"))
    assert len(properties.zeros(backbones.build("mine", zero_gamma=True))) == 4
    register_backbone("mine", factory, stages=RESNET, built_in=["zero_gamma"])
    model = backbones.build("mine")
    assert len(properties.zeros(model)) == 4 and model.built_in == ("zero_gamma",)


class Odd(nn.Module):
    """Whatever a test wants to be wrong."""

    def __init__(self, wrong: str) -> None:
        super().__init__()
        self.wrong = wrong
        self.a, self.b = nn.Conv2d(3, 4, 3, 4, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.fc = nn.Linear(8, 1000)
        self.unused = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.wrong == "fails":
            raise RuntimeError("expected 7 channels")
        if self.wrong == "order":
            self.b(torch.zeros(1, 4, 8, 8, device=x.device))
        return self.fc(self.b(self.a(x)).mean((2, 3)))


@pytest.mark.parametrize(
    ("wrong", "settings", "message"),
    [
        (
            "",
            dict(),
            r"mine gives \(1, 1000\), not a list of maps.*name the modules.*a 4x56x56, b 8x",
        ),
        ("", dict(stages=["a", "layer9"]), r"mine has no module 'layer9'; it has a, b, fc, unused"),
        ("", dict(stages=["a", "unused"]), r"stage unused never ran \(those that did: a\)"),
        (
            "order",
            dict(stages=["a", "b"]),
            r"do not run once each in this order: 'b' ran as number 1",
        ),
        ("", dict(stages=["a", "b"], classifier="b"), r"classifier 'b' is Conv2d, no linear layer"),
        ("fails", dict(stages=["a"]), r"does not run on an image of \d+ x .*expected 7 channels"),
        ("", dict(stages=["a", "fc"]), r"stage 'fc' gives no map \(N, C, H, W\) but"),
    ],
)
def test_what_is_wrong_is_said(wrong: str, settings: dict, message: str) -> None:
    register_backbone("mine", lambda num_classes: Odd(wrong), **settings)
    with pytest.raises(ValueError, match=message):
        backbones.build("mine")


def test_names() -> None:
    with pytest.raises(
        ValueError, match=r"the name 'resnet18_b' is taken by a backbone of tricklift"
    ):
        register_backbone("resnet18_b", narrow_resnet, stages=RESNET)
    with pytest.raises(ValueError, match=r"'timm/mine' cannot be a name"):
        register_backbone("timm/mine", narrow_resnet, stages=RESNET)
    for _ in range(2):  # the file may be imported again
        register_backbone("mine", narrow_resnet, stages=RESNET)
    code = compile("register_backbone('mine', print)", "other.py", "exec")
    with pytest.raises(ValueError, match=r"other.py: the name 'mine' is taken by .*test_own.py"):
        exec(code, {"register_backbone": register_backbone, "__file__": "other.py"})
    with pytest.raises(
        ValueError, match=r"unknown backbone 'mime'; .*did you mean 'mine'.*--import"
    ):
        backbones.build("mime")


def test_weights_in_its_own_names(tmp_path: Path) -> None:
    """From a training elsewhere of the very class that is registered."""
    register_backbone("mine", narrow_resnet, stages=RESNET)
    theirs = narrow_resnet(10)
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in theirs.state_dict().items()}},
        tmp_path / "a.pth.tar",
    )
    model = backbones.build("mine", 10)
    load_pretrained(model, tmp_path / "a.pth.tar")
    images = properties.pictures((64, 64))
    with torch.no_grad():
        assert torch.equal(model.eval()(images), theirs.eval()(images))
    stage = TrickStage("mine", checkpoint=str(tmp_path / "a.pth.tar"))
    stage.init_weights()
    assert torch.equal(stage.stage[0].conv1.weight, theirs.layer4[0].conv1.weight)
    with pytest.raises(ValueError, match="cannot hold mine: no network of its own is the same"):
        pretrained("mine", "timm/resnet18.a1_in1k")
