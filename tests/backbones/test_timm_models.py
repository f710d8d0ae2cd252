"""timm's networks as ours against timm's own forward functions, with the same weights."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file
from timm.models.resnet import BasicBlock

import backbones
from backbones import naming
from backbones.checkpoint import load_pretrained, save
from backbones.export import export
from backbones.staged import StagedNet
from backbones.timm_models import LISTED
from backbones.timm_whole import WholeNet
from backbones.wrapper import TrickBackbone, TrickStage

WHOLE = ("convnext_atto", "regnetx_002", "mobilenetv3_small_050", "resnetv2_18")
#: Dilated by timm itself.
DILATED = ("resnest14d", "res2net50_26w_4s", "mobilenetv1_100", "convnext_atto", "regnety_002")
SMALLEST = "timm/mobilenetv1_100"


def pair(network: str, randomise) -> tuple[Any, Any]:
    """timm's network and ours with its weights."""
    torch.manual_seed(0)
    theirs = randomise(timm.create_model(network, num_classes=5))
    ours = backbones.build(f"timm/{network}", 5)
    known = naming.library_naming(f"timm/{network}", "timm")
    ours.load_state_dict(known.from_library(theirs.state_dict()))
    return theirs, ours.eval()


@pytest.mark.parametrize(
    "network",
    [
        *(pytest.param(n, marks=[pytest.mark.slow] if "vgg" in n else []) for n in LISTED),
        *WHOLE,
        "efficientnet_b0",
    ],
)
def test_outputs_are_timms(network: str, randomise) -> None:
    theirs, ours = pair(network, randomise)
    assert isinstance(ours, WholeNet if network in WHOLE else StagedNet)
    images = torch.randn(2, 3, 97, 129, generator=torch.Generator().manual_seed(0))
    count = len(theirs.feature_info)
    with torch.no_grad():
        logits = theirs(images)
        torch.testing.assert_close(ours(images), logits, rtol=1e-5, atol=1e-6)
        expected = theirs.forward_intermediates(
            images, indices=list(range(count - 4, count)), intermediates_only=True
        )
        features = ours.forward_features(images)
    if network == "dpn68":  # its last map is handed on behind the last norm, as it is pooled
        expected[-1] = theirs.features.conv5_bn_ac(expected[-1])
    for a, b in zip(features, expected, strict=True):
        assert torch.equal(a, b)
    back = naming.library_naming(ours.name, "timm").to_library(ours.state_dict())
    assert back.keys() == theirs.state_dict().keys()
    assert all(torch.equal(back[key], value) for key, value in theirs.state_dict().items())


@pytest.mark.parametrize("network", [*DILATED, "resnetv2_18"])
@pytest.mark.parametrize("output_stride", [16, 8])
def test_where_timm_can_dilate_it_does(network: str, output_stride: int, randomise) -> None:
    theirs = randomise(timm.create_model(network, num_classes=5, output_stride=output_stride))
    ours = backbones.build(f"timm/{network}", 5, output_stride=output_stride).eval()
    known = naming.library_naming(f"timm/{network}", "timm")
    ours.load_state_dict(known.from_library(theirs.state_dict()))
    assert ours.feature_info.strides == tuple(min(s, output_stride) for s in (4, 8, 16, 32))
    count = len(theirs.feature_info)
    with torch.no_grad():
        expected = theirs.forward_intermediates(
            torch.ones(1, 3, 96, 64), indices=range(count - 4, count), intermediates_only=True
        )
        for a, b in zip(ours.forward_features(torch.ones(1, 3, 96, 64)), expected, strict=True):
            assert torch.equal(a, b)
    assert expected[-1].shape[2:] == (96 // output_stride, 64 // output_stride)


@pytest.mark.parametrize("network", WHOLE)
def test_a_network_that_is_not_cut_freezes_and_drops_what_is_behind(network: str) -> None:
    images = torch.randn(2, 3, 64, 96)
    full = backbones.build(f"timm/{network}", 5)
    groups = full.parts()
    assert len(groups) == 5
    grouped = [id(p) for group in groups for module in group for p in module.parameters()]
    assert len(grouped) == len(set(grouped))
    full.eval()
    for indices in ((1, 3), (0, 2)):
        model = TrickBackbone(f"timm/{network}", out_indices=indices, frozen_stages=1)
        model.net.load_state_dict(full.state_dict(), strict=False)
        model.eval()
        with torch.no_grad():
            expected = full.forward_features(images)
            for index, feature in zip(indices, model(images), strict=True):
                torch.testing.assert_close(feature, expected[index])
    model.train()
    sum(f.sum() for f in model(images)).backward()
    frozen = [p for m in model.net.frozen_parts(1) for p in m.parameters()]
    assert frozen
    assert not any(p.requires_grad for p in frozen)
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert any(p.grad is not None for p in model.parameters())
    with pytest.raises(ValueError, match="run by timm as a whole, so no stage of it can be a box"):
        TrickStage(f"timm/{network}")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("timm/vgg19", "stage 3 of timm/vgg19 is a pool without weights"),
        ("timm/inception_v3", "convolutions without padding, so a RoI's map shrinks"),
    ],
)
def test_stages_that_cannot_be_a_box_head_say_why(name: str, reason: str) -> None:
    with torch.device("meta"):
        model = backbones.build(name, 5)
    with pytest.raises(ValueError, match=reason):
        model.stage(3)


def test_a_stage_of_timms_network_is_a_box_head(exported, images) -> None:
    path = exported(SMALLEST)
    stage = TrickStage(SMALLEST, stage=3, checkpoint=str(path)).eval()
    stage.init_weights()
    model = TrickBackbone(SMALLEST, out_indices=(2, 3), checkpoint=str(path)).eval()
    model.init_weights()
    with torch.no_grad():
        third, last = model(images)
        assert torch.equal(stage(third), last)
    assert (stage.in_channels, stage.out_channels) == (512, 1024)


def test_images_too_small_for_inception() -> None:
    with torch.device("meta"):
        model = backbones.build("timm/inception_v3", 5).eval()
        assert model.forward_features(torch.empty(1, 3, 75, 75))[-1].shape[2:] == (1, 1)
        with pytest.raises(ValueError, match=r"timm/inception_v3 needs .* 75 pixels.*got \(74, 90"):
            model(torch.empty(1, 3, 74, 90))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("timm/resnest50", {}, "timm .* lacks it; did you mean 'timm/resnest50d'"),
        ("timm/resnet50d.gluon_in1k", {}, "names weights; set the backbone's name to 'timm/resn"),
        ("timm/vit_tiny_patch16_224", {}, "no feature maps at growing strides"),
        ("timm/tresnet_m", {}, "timm/tresnet_m has no layer '', .*stages cannot be told apart"),
        ("timm/mvitv2_tiny", {}, "has no layer 'block.0', where timm says that a map of it ends"),
        ("timm/hrnet_w18_small", {}, "has no layer 'stem', .*cannot be told apart; choose another"),
        ("timm/hiera_tiny_224", {}, "timm/hiera_tiny_224 takes images of 224x224 pixels alone, an"),
        (
            "timm/halonet26t",
            {},
            "images of 256x256 pixels alone, .* AssertionError.*choose another",
        ),
        ("timm/mobilenetv1_100", {"zero_gamma": True}, "zero_gamma is not defined for timm/mob"),
        ("timm/inception_v3", {"zero_gamma": True}, "zero_gamma is not defined for timm/incep"),
        ("timm/vgg19", {"init": "he"}, "init must be 'timm', 'xavier' or 'kaiming'; got 'he'"),
        ("timm/vgg19", {"width": 2}, "unknown option 'width' .*allowed: output_stride, init"),
        ("hardnet68", {"zero_gamma": True}, "HarDNet: it concatenates and has no residual"),
    ],
)
def test_what_is_not_allowed(name: str, options: dict[str, Any], message: str) -> None:
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        backbones.build(name, **options)


def test_zero_gamma_and_init_where_they_are_defined() -> None:
    plain = backbones.build("timm/resnet10t", 5)
    zero = backbones.build("timm/resnet10t", 5, zero_gamma=True, init="xavier")
    for model, gamma in ((plain, 1), (zero, 0)):
        blocks = [m for m in model.modules() if isinstance(m, BasicBlock)]
        assert len(blocks) == 4
        assert all(block.bn2.weight.eq(gamma).all() for block in blocks)
    assert not zero.fc.bias.any()  # xavier


@pytest.mark.parametrize(
    ("name", "to"),
    [(SMALLEST, "tricklift"), (SMALLEST, "timm"), ("timm/convnext_atto", "timm")],
)
def test_exports_come_back(name: str, to: str, tmp_path: Path, exported) -> None:
    path = exported(name)
    report = export(path, tmp_path / "out.safetensors", to=to)
    assert report.difference <= report.allowed
    if to == "timm":
        theirs = timm.create_model(name.removeprefix("timm/"), num_classes=5)
        theirs.load_state_dict(load_file(report.path))


@pytest.mark.parametrize("network", ["dpn68", "resnetv2_18"])
def test_a_head_that_is_a_convolution_there(network: str) -> None:
    known = naming.library_naming(f"timm/{network}", "timm")
    state = {"fc.weight": torch.randn(5, 832), "fc.bias": torch.randn(5)}
    theirs = known.to_library(state)
    assert [v.shape for k, v in theirs.items() if k.endswith("weight")] == [(5, 832, 1, 1)]
    assert torch.equal(known.from_library(theirs)["fc.weight"], state["fc.weight"])


@pytest.mark.parametrize("to", ["torchvision", "mmdet"])
def test_other_libraries_are_refused_with_the_reason(to: str, tmp_path: Path, exported) -> None:
    path = exported(SMALLEST)
    with pytest.raises(ValueError, match=f"{to} cannot hold timm/mobilenetv1_100: only timm's own"):
        export(path, tmp_path / "out.safetensors", to=to)


def test_an_export_of_another_network_is_refused(tmp_path: Path) -> None:
    state = backbones.build("timm/resnet10t", 5).state_dict()
    path = tmp_path / "x.safetensors"
    save(path, state, {"architecture": "timm/resnet10t", "options": json.dumps({})})
    with pytest.raises(ValueError, match="it holds 'timm/resnet10t'; keys missing"):
        load_pretrained(backbones.build(SMALLEST, 5), path)
