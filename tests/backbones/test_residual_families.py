"""ResNeXt, SE-ResNet and PreResNet: equal to timm's, and what all residual families share."""

import json

import pytest
import timm
import torch
from torch import Tensor, nn

import backbones
from backbones import naming
from backbones.export import export
from backbones.freeze import freeze

SMALL = (
    *("resnext50_32x4d_d", "seresnet18_b", "preresnet18_d", "preresnet50_b", "rednet26"),
    "dcdc_resnet50_d",
)


def stages_of(network: nn.Module) -> list[nn.Module]:
    """The modules of timm's network that give its four feature maps."""
    return [network.get_submodule(entry["module"]) for entry in network.feature_info[1:]]


def outputs(network: nn.Module, images: Tensor) -> list[Tensor]:
    features: list[Tensor] = []
    hooks = [
        stage.register_forward_hook(lambda m, i, o: features.append(o))
        for stage in stages_of(network)
    ]
    with torch.no_grad():
        logits = network(images)
    for hook in hooks:
        hook.remove()
    return [*features, logits]


def ours(model: nn.Module, images: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return [*model.forward_features(images), model(images)]


@pytest.mark.parametrize(
    ("name", "output_stride"),
    [
        ("resnext50_32x4d_b", 8),
        ("resnext50_32x4d_d", 32),
        ("seresnet18_b", 32),
        ("seresnet50_b", 16),
        ("preresnet18_b", 8),
        ("preresnet50_b", 32),
        ("preresnet50_d", 32),
    ],
)
def test_equal_to_timm(name: str, output_stride: int, randomise, images) -> None:
    known = naming.library_naming(name, "timm")
    create = {"num_classes": 11, "output_stride": output_stride}
    theirs = randomise(timm.create_model(known.network, **create))
    model = backbones.build(name, **create).eval()
    model.load_state_dict(known.from_library(theirs.state_dict()))
    mine, wanted = ours(model, images), outputs(theirs, images)
    if name.startswith("preresnet"):  # ours ends its last stage in the norm; timm's stands behind
        with torch.no_grad():
            wanted[3] = theirs.norm(wanted[3])
    for a, b in zip(mine, wanted, strict=True):
        assert b.std() > 0.01
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_timms_weights_of_a_trick_are_those_of_the_name() -> None:
    assert naming.library_naming("resnet50_b", "timm", se=True).network == "seresnet50"
    assert (
        naming.library_naming("resnext50_32x4d_b", "timm", se=True).network == "seresnext50_32x4d"
    )
    with torch.device("meta"):
        option = backbones.build("resnet50_b", se=True).state_dict()
        name = backbones.build("seresnet50_b").state_dict()
    assert list(option) == list(name)


@pytest.mark.parametrize(
    ("name", "library", "options", "message"),
    [
        ("seresnet50_d", "timm", {}, "timm cannot hold seresnet50_d: it has no 'seresnet50d'"),
        ("resnet50_b", "torchvision", {"se": True}, "resnet50_b with squeeze-and-excitation: it"),
        ("resnext50_32x4d_b", "mmdet", {}, "mmdet cannot hold resnext50_32x4d_b: only plain"),
        ("preresnet50_b", "torchvision", {}, "it has no pre-activation ResNet; timm has"),
        ("preresnet50_b", "timm", {"width": 0.5}, "cannot hold preresnet50_b at width 0.5"),
        ("rednet50", "timm", {}, "timm cannot hold rednet50: no network of its own is the same"),
        (
            *("resnet50_b", "timm", {"deformable_stages": [3]}),
            r"cannot hold resnet50_b with deformable stages \[3\]",
        ),
    ],
)
def test_what_a_library_cannot_hold(name: str, library: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        naming.library_naming(name, library, **options)


@pytest.mark.parametrize(
    ("name", "params", "gmacs"),
    [  # timm's own counts of resnext50_32x4d, seresnet50 and resnetv2_50; MACs in the same order
        ("resnext50_32x4d_b", 25_028_904, 4.26),
        ("seresnet50_b", 28_088_024, 4.11),
        ("preresnet50_b", 25_549_352, 4.11),
    ],
)
def test_published_sizes(name: str, params: int, gmacs: float) -> None:
    row = backbones.describe.describe(name)
    assert row["params"] == params
    assert row["macs"] / 1e9 == pytest.approx(gmacs, rel=0.01)


@pytest.mark.parametrize("name", SMALL)
def test_with_zero_gamma_every_block_starts_as_its_shortcut(name: str) -> None:
    model = backbones.build(name, width=0.25, zero_gamma=True)
    x = model.stem(torch.randn(2, 3, 64, 64))
    for stage in model.stages:
        for block in stage:
            if not hasattr(block, "shortcut"):
                continue  # the norm behind PreResNet's last block
            y = block(x)  # in training mode: gamma 0 and beta 0 whatever the statistics are
            if name.startswith("preresnet"):
                projects = not isinstance(block.shortcut, nn.Identity)
                expected = block.shortcut(block.norm1(x).relu()) if projects else x
            else:
                expected = block.shortcut(x).relu()
            assert torch.equal(y, expected)
            x = y


@pytest.mark.parametrize("name", SMALL)
def test_with_zero_gamma_every_block_can_learn(name: str) -> None:
    model = backbones.build(name, num_classes=3, width=0.25, zero_gamma=True)
    model(torch.randn(4, 3, 64, 64)).square().sum().backward()
    for stage in model.stages:
        for block in stage:
            assert any(p.grad.abs().sum() > 0 for p in block.parameters())


@pytest.mark.parametrize("name", SMALL)
def test_export_round_trip(name: str, exported, tmp_path) -> None:
    """The export itself loads what it wrote and compares logits at two sizes."""
    report = export(exported(name, width=0.25), tmp_path / "out.safetensors")
    assert (report.architecture, report.difference) == (name, 0)


def test_export_to_timm_with_its_convolution_for_a_head(exported, tmp_path) -> None:
    report = export(exported("preresnet18_b"), tmp_path / "out.safetensors", to="timm")
    assert report.compared == "logits"
    assert "timm.create_model('resnetv2_18', num_classes=5" in report.usage


def test_options_go_with_the_export(exported, tmp_path) -> None:
    options = {"width": 0.25, "se": True, "deformable_stages": [2, 3]}
    source = exported("resnet18_d", **options)
    report = export(source, tmp_path / "out.safetensors")
    assert json.loads(report.metadata["options"]) == options
    with pytest.raises(ValueError, match=r"onnx cannot hold resnet18_d with deformable stages \["):
        export(source, tmp_path / "out.onnx", to="onnx")


@pytest.mark.parametrize("mode", ["training", "first stage frozen"])
@pytest.mark.parametrize("name", SMALL)
def test_gradient_checkpointing_changes_nothing(name: str, mode: str) -> None:
    torch.manual_seed(0)
    plain = backbones.build(name, num_classes=3, width=0.25)
    saving = backbones.build(name, num_classes=3, width=0.25, gradient_checkpointing=True)
    saving.load_state_dict(plain.state_dict())
    images = torch.randn(2, 3, 64, 64)
    for model in (plain, saving):
        if mode == "first stage frozen":
            freeze(model.stem)
            freeze(model.stages[0])
        model(images).square().sum().backward()
    for (key, a), b in zip(plain.named_parameters(), saving.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None) == key.startswith(frozen(mode)), key
        if a.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-5, msg=key)
    for (key, a), b in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert torch.equal(a, b), key


def frozen(mode: str) -> tuple[str, ...]:
    return ("stem.", "stages.0.") if mode == "first stage frozen" else ()


def test_a_resnext_of_another_width_keeps_its_groups() -> None:
    for width, wanted in ((0.25, 32), (0.3, 32), (1.0, 128), (1.5, 192)):
        convolution = backbones.build("resnext50_32x4d_b", width=width).stages[0][0].conv2
        assert (convolution.groups, convolution.out_channels) == (32, wanted)


def test_squeeze_and_excitation_by_hand() -> None:
    """Two channels of means 1 and -2; hidden = relu(1 - 2) = 0 in one unit, 1 + 2 = 3 in another.

    expand gives log 3 and 0 for each channel from 3: sigmoid 0.75 and 0.5.
    """
    module = backbones.blocks.SqueezeExcite(2)
    assert module.reduce.out_channels == 8
    with torch.no_grad():
        for p in module.parameters():
            p.zero_()
        module.reduce.weight[0, :, 0, 0] = torch.tensor([1.0, 1.0])
        module.reduce.weight[1, :, 0, 0] = torch.tensor([1.0, -1.0])
        module.expand.weight[0, :2, 0, 0] = torch.tensor([9.0, torch.tensor(3.0).log() / 3])
        x = torch.tensor([[[[0.0, 2.0]], [[-4.0, 0.0]]]])
        wanted = torch.tensor([[[[0.0, 1.5]], [[-2.0, 0.0]]]])
        torch.testing.assert_close(module(x), wanted)
