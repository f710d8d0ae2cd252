"""RedNet and DCDC-ResNet: counts, dilation, and the two kernels of RedNet's stem."""

import json

import pytest
import torch
from torch import nn

import backbones
from backbones import checkpoint
from backbones.describe import describe
from backbones.rednet import with_stem_kernel

TABLE = [  # parameters as the authors count them; GMACs as they print them, to one digit
    ("rednet26", 9_233_166, 1.7),
    ("rednet38", 12_386_986, 2.2),
    ("rednet50", 15_540_806, 2.7),
]
SMALL = {"width": 0.5}


@pytest.mark.parametrize(("name", "params", "gmacs"), TABLE)
def test_published_sizes(name: str, params: int, gmacs: float) -> None:
    row = describe(name)
    assert row["params"] == params
    assert row["macs"] / 1e9 == pytest.approx(gmacs, abs=0.055)


def test_the_sum_of_an_involution_counts_as_macs() -> None:
    with torch.device("meta"):
        block = backbones.build("rednet26").stages[0][0].conv2
    counted = describe("rednet26", input_size=32)["macs"]
    fewer = describe("rednet26", input_size=32, stem_kernel=7)["macs"] - counted
    # 49 instead of 9 taps on 16 x 16 pixels: the sum over 32 channels, the generator's 8 x 2 a tap
    assert fewer == 40 * 16 * 16 * (32 + 8 * 2)
    assert block.kernel == 7


def without_pools(stages: nn.ModuleList) -> None:
    """Every other pixel in place of the 2x2 average before a strided involution's generator."""
    for module in stages.modules():
        if isinstance(getattr(module, "pool", None), nn.AvgPool2d):
            module.pool = nn.MaxPool2d(1, stride=2)


@pytest.mark.parametrize("name", ["rednet26", "dcdc_resnet50_b"])
@pytest.mark.parametrize("output_stride", [8, 16])
def test_dilated_is_strided_at_its_positions(name: str, output_stride: int, randomise) -> None:
    """With the same weights, but for what a pool that is left out averages.

    DCDC's kernel of an image comes from a mean over more positions too; it is taken out here.
    """
    strided = randomise(backbones.build(name, 5, width=0.25))
    without_pools(strided.stages[2 if output_stride == 8 else 3 :])
    dilated = backbones.build(name, 5, width=0.25, output_stride=output_stride).eval()
    dilated.load_state_dict(strided.state_dict())
    for model in (strided, dilated):
        for module in model.modules():
            if hasattr(module, "global_branch"):
                nn.init.zeros_(module.global_branch.span.weight)
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        wanted, given = strided.forward_features(images), dilated.forward_features(images)
    for stage, (a, b) in enumerate(zip(wanted, given, strict=True)):
        step = max(1, 2 ** (stage + 2) // output_stride)
        assert a.std() > 0.01
        torch.testing.assert_close(b[..., ::step, ::step], a, rtol=1e-4, atol=1e-5)


def test_the_average_of_a_strided_generator_is_all_that_differs(randomise) -> None:
    strided = randomise(backbones.build("rednet26", 5, width=0.25))
    dilated = backbones.build("rednet26", 5, width=0.25, output_stride=16).eval()
    dilated.load_state_dict(strided.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        wanted, given = strided.forward_features(images), dilated.forward_features(images)
    assert torch.equal(wanted[2], given[2])
    assert (wanted[3] - given[3][..., ::2, ::2]).abs().max() > 1e-3


def test_a_classifier_with_stem_3_goes_into_a_detector_with_stem_7(exported, tmp_path) -> None:
    path, wider = exported("rednet26", **SMALL), tmp_path / "wider.safetensors"
    with_stem_kernel(path, wider)
    assert checkpoint.read(wider).options == {**SMALL, "stem_kernel": 7}
    assert checkpoint.read(wider).metadata["row"] == "B-baseline"
    small = backbones.build("rednet26", 5, **SMALL).eval()
    large = backbones.build("rednet26", 5, stem_kernel=7, **SMALL).eval()
    checkpoint.load_pretrained(small, path)
    checkpoint.load_pretrained(large, wider)
    assert large.stem.conv2.kernel == 7
    x = torch.randn(1, 3, 65, 64)
    with torch.no_grad():
        torch.testing.assert_close(large(x), small(x), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"of another shape.*stem\.conv2\.span\.weight"):
        checkpoint.load_pretrained(large, path)


def test_what_has_no_stem_kernel(exported, tmp_path) -> None:
    out = tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match="holds 'resnet18_b', and only a rednet has a stem kernel"):
        with_stem_kernel(exported("resnet18_b", width=0.25), out)
    path = exported("rednet26", **SMALL)
    with pytest.raises(ValueError, match=r"stem_kernel must be 3 .* or 7 .*; got 5"):
        with_stem_kernel(path, out, 5)
    with pytest.raises(ValueError, match=r"writes \.safetensors; got 'a\.pth'"):
        with_stem_kernel(path, tmp_path / "a.pth")
    with_stem_kernel(path, out)
    with pytest.raises(ValueError, match="cannot go from kernel 7 to 3"):
        with_stem_kernel(out, tmp_path / "b.safetensors", 3)
    with pytest.raises(ValueError, match=r"stem_kernel must be 3 .* or 7 .*; got 5"):
        backbones.build("rednet26", stem_kernel=5)


def test_widths_fill_groups() -> None:
    for width in (0.1, 0.25, 0.6):
        model = backbones.build("rednet26", width=width)
        assert model.stem.conv1.out_channels % 16 == 0


@pytest.mark.parametrize("name", ["rednet26", "dcdc_resnet50_b"])
def test_zero_gamma_is_the_default(name: str) -> None:
    by_default = backbones.build(name, width=0.25).stages[2][0].norm3
    switched_off = backbones.build(name, width=0.25, zero_gamma=False).stages[2][0].norm3
    assert not by_default.weight.any()
    assert switched_off.weight.all()


def test_evaluation_after_a_few_steps_is_finite() -> None:
    """Without zero gamma, running statistics that lag a little end in nan here."""
    torch.manual_seed(0)
    model = backbones.build("rednet50", 4, width=0.25)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(3):
        labels = torch.randint(0, 4, (8,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.randn(8, 3, 32, 32)), labels).backward()
        optimizer.step()
    with torch.no_grad():
        assert model.eval()(torch.randn(2, 3, 32, 32)).isfinite().all()


def test_dcdc_says_that_it_is_approximate() -> None:
    for variant in "bd":
        row = describe(f"dcdc_resnet50_{variant}")
        assert row["paper"].startswith("Approximate: Yan et al.")
        assert "assumptions" in row["source"]


def test_dcdc_sums_a_kernel_per_location_and_a_kernel_per_image() -> None:
    torch.manual_seed(0)
    module = backbones.dcdc.DualConv(16, 16).eval()
    x = torch.randn(2, 16, 6, 6)
    with torch.no_grad():
        y = module(x)
        local = module.local_branch(x)
        kernels = module.global_branch
        weight = kernels.span(kernels.reduce(x.mean((2, 3), keepdim=True)).relu())
        shared = nn.functional.conv2d(
            x.reshape(1, 32, 6, 6), weight.reshape(32, 1, 3, 3), padding=1, groups=32
        )
        torch.testing.assert_close(y, local + shared.view_as(x), rtol=1e-4, atol=1e-5)
        alone = module(x[:1])  # each image has its own kernels
        torch.testing.assert_close(alone, y[:1])
        assert json.dumps(kernels.span.weight.shape) == "[144, 4, 1, 1]"


@pytest.mark.parametrize("name", ["rednet26", "dcdc_resnet50_b"])
def test_a_batch_of_one_image_trains(name: str) -> None:
    model = backbones.build(name, 3, width=0.25)
    model(torch.randn(1, 3, 64, 64)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
