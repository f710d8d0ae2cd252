"""Deformable stages: at the regular grid they are the plain network, and they learn to leave it."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import backbones
from backbones.checkpoint import load_pretrained, pretrained, save
from backbones.deformable import DeformableConv
from backbones.wrapper import TrickStage

OPTIONS = {"width": 0.25, "deformable_stages": (1, 2, 3)}


def deformable(model: nn.Module) -> list[str]:
    return [name for name, m in model.named_modules() if isinstance(m, DeformableConv)]


@pytest.mark.parametrize("name", ["resnet18_d", "resnet50_a", "resnext50_32x4d_b"])
def test_it_starts_as_the_plain_network(name: str, randomise, images) -> None:
    plain = randomise(backbones.build(name, 5, width=0.25, output_stride=16))
    model = backbones.build(name, 5, output_stride=16, **OPTIONS).eval()
    left = model.load_state_dict(plain.state_dict(), strict=False)
    assert not left.unexpected_keys
    assert left.missing_keys
    assert all(".offset." in key for key in left.missing_keys)
    with torch.no_grad():
        torch.testing.assert_close(model(images), plain(images), rtol=1e-4, atol=1e-5)


def exported(folder: Path, model: nn.Module, **options: object) -> str:
    file = folder / "weights.safetensors"
    save(file, model.state_dict(), {"architecture": model.name, "options": json.dumps(options)})
    return str(file)


def test_plain_weights_go_into_it(randomise, images, tmp_path: Path) -> None:
    plain = randomise(backbones.build("resnet18_d", 5, width=0.25))
    file = exported(tmp_path, plain, width=0.25)
    model = backbones.build("resnet18_d", 5, **OPTIONS).eval()
    pretrained("resnet18_d", file, **OPTIONS)
    load_pretrained(model, file)
    with torch.no_grad():
        torch.testing.assert_close(model(images), plain(images), rtol=1e-4, atol=1e-5)


def test_plain_weights_go_into_one_stage_of_it(randomise, tmp_path: Path) -> None:
    plain = randomise(backbones.build("resnet18_d", 5, width=0.25))
    weights = exported(tmp_path, plain, width=0.25)
    head = TrickStage("resnet18_d", checkpoint=weights, **OPTIONS).eval()
    head.init_weights()
    maps = torch.randn(2, head.in_channels, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(head(maps), plain.stages[3](maps), rtol=1e-4, atol=1e-5)


def test_weights_with_some_of_the_offsets_are_refused(randomise, tmp_path: Path) -> None:
    half = randomise(backbones.build("resnet18_d", 5, width=0.25, deformable_stages=(3,)))
    file = exported(tmp_path, half, width=0.25, deformable_stages=[3])
    with pytest.raises(ValueError, match=r"keys missing from it \(\d+\): stages.1.0.conv1.offset"):
        load_pretrained(backbones.build("resnet18_d", 5, **OPTIONS), file)


def test_the_chosen_stages_and_no_other() -> None:
    model = backbones.build("resnet50_b", width=0.25, deformable_stages=[2])
    assert deformable(model) == [f"stages.2.{block}.conv2" for block in range(6)]
    basic = backbones.build("resnet18_b", width=0.25, deformable_stages=(3,))
    assert deformable(basic) == [f"stages.3.{b}.conv{n}" for b in (0, 1) for n in (1, 2)]
    assert not deformable(backbones.build("resnet18_b", width=0.25))


def test_an_offset_of_one_pixel_moves_the_image() -> None:
    """y before x: an offset of (0, 1) at every point is the convolution of the image moved left."""
    torch.manual_seed(0)
    module = DeformableConv(4, 6)
    module.start()
    x = torch.randn(1, 4, 8, 8)
    moved = torch.cat([x[..., 1:], torch.zeros(1, 4, 8, 1)], dim=-1)
    with torch.no_grad():
        still = module(moved)
        module.offset.bias.copy_(torch.tensor([0.0, 1.0] * 9))
        torch.testing.assert_close(module(x)[..., 1:-1], still[..., 1:-1], rtol=1e-5, atol=1e-5)


def test_version_2_starts_at_half_and_learns_its_weights() -> None:
    torch.manual_seed(0)
    first, second = DeformableConv(4, 6), DeformableConv(4, 6, modulated=True)
    for module in (first, second):
        module.start()
        nn.init.constant_(module.weight, 0.1)
    x = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(second(x), 0.5 * first(x))
    second(x).square().sum().backward()
    by_kind = second.offset.weight.grad.abs().sum(dim=(1, 2, 3))
    assert (by_kind[:18] > 0).all()
    assert (by_kind[18:] > 0).all()


def test_offsets_start_at_zero_whatever_the_initialisation_and_then_learn() -> None:
    for init in ("xavier", "kaiming"):
        model = backbones.build("resnet18_d", 3, init=init, deformable_modulated=True, **OPTIONS)
        offsets = [p for n, p in model.named_parameters() if ".offset." in n]
        assert len(offsets) == 24
        assert not any(p.any() for p in offsets)
        assert model.stages[3][0].conv1.weight.std() > 0
    model(torch.randn(4, 3, 64, 64)).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in offsets)


def test_bfloat16_agrees() -> None:
    torch.manual_seed(0)
    module = DeformableConv(8, 8, modulated=True)
    x = torch.randn(1, 8, 9, 9)
    with torch.no_grad():
        exact = module(x)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = module(x)
        half = module.bfloat16()(x.bfloat16())
    assert half.dtype == torch.bfloat16
    for other in (mixed, half):
        torch.testing.assert_close(other.float(), exact, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("stages", [(4,), (-1,), (1, 1), 2, "12", ("1",)])
def test_stages_that_are_not_there(stages: object) -> None:
    with pytest.raises(ValueError, match=r"deformable_stages must be a list of different stages"):
        backbones.build("resnet18_b", deformable_stages=stages)
