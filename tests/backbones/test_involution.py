"""Involution against its definition, and what it costs against ``unfold``."""

import warnings

import pytest
import torch

from backbones.involution import Involution, involve, resized_generator, shifted, unfolded
from benchmarks.__main__ import main
from benchmarks.involution import cost, error, naive

GEOMETRIES = [(5, 7, 1, 1, 3), (6, 5, 2, 1, 7), (7, 6, 1, 2, 5), (6, 7, 2, 2, 3)]


def case(geometry: tuple[int, ...], groups: int = 2) -> tuple[torch.Tensor, torch.Tensor, int, int]:
    height, width, stride, dilation, kernel = geometry
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, height, width, generator=generator, dtype=torch.float64)
    size = (-(-height // stride), -(-width // stride))
    kernels = torch.randn(2, groups, kernel**2, *size, generator=generator, dtype=torch.float64)
    return x.requires_grad_(), kernels.requires_grad_(), stride, dilation


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_it_is_the_definition(geometry: tuple[int, ...]) -> None:
    x, kernels, stride, dilation = case(geometry)
    expected = naive(x.detach(), kernels.detach(), stride, dilation)
    torch.testing.assert_close(shifted(x, kernels, stride, dilation), expected)
    torch.testing.assert_close(unfolded(x, kernels, stride, dilation), expected)
    with torch.no_grad():  # the form without a backward pass
        torch.testing.assert_close(involve(x, kernels, stride, dilation), expected)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("shared", [False, True])
def test_both_forms_have_the_same_gradients(geometry: tuple[int, ...], shared: bool) -> None:
    """On the CPU; `involve` takes `unfolded` on a GPU alone. Shared: one kernel for all places."""
    x, kernels, *rest = case(geometry)
    kernels = kernels[..., :1, :1] if shared else kernels
    ours, theirs = shifted(x, kernels, *rest), unfolded(x, kernels, *rest)
    torch.testing.assert_close(ours, theirs)
    above = torch.randn_like(ours)
    given = torch.autograd.grad(ours, (x, kernels), above)
    wanted = torch.autograd.grad(theirs, (x, kernels), above)
    torch.testing.assert_close(given, wanted)


def test_gradients_by_finite_differences() -> None:
    x, kernels, stride, dilation = case((3, 4, 2, 1, 3))
    assert torch.autograd.gradcheck(lambda a, b: involve(a, b, stride, dilation), (x, kernels))


def test_one_kernel_for_all_positions_is_a_depthwise_convolution() -> None:
    x, _, _, _ = case((6, 5, 1, 1, 3))
    shared = torch.randn(2, 4, 9, 1, 1, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.conv2d(
        x.reshape(1, 8, 6, 5), shared.reshape(8, 1, 3, 3), padding=1, groups=8, stride=2
    ).view(2, 4, 3, 3)
    torch.testing.assert_close(involve(x, shared, stride=2), expected)
    assert torch.autograd.gradcheck(lambda a, b: involve(a, b, 2), (x, shared))


def test_a_dilated_one_is_the_plain_one_on_every_other_position() -> None:
    torch.manual_seed(0)
    plain, dilated = Involution(16, 16).eval(), Involution(16, 16, dilation=2).eval()
    dilated.load_state_dict(plain.state_dict())
    x = torch.randn(1, 16, 12, 10)
    with torch.no_grad():
        torch.testing.assert_close(dilated(x)[..., ::2, ::2], plain(x[..., ::2, ::2]))


def test_the_module_is_the_published_one() -> None:
    """The authors' PyTorch form: the generator on the averaged input, unfold, weigh, sum."""
    torch.manual_seed(0)
    module = Involution(32, 32, stride=2).eval()
    x = torch.randn(2, 32, 8, 6)
    with torch.no_grad():
        pooled = torch.nn.functional.avg_pool2d(x, 2, 2)
        kernels = module.span(torch.relu(module.norm(module.reduce(pooled)))).view(2, 2, 49, 4, 3)
        torch.testing.assert_close(module(x), unfolded(x, kernels, 2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", [shifted, unfolded])
@pytest.mark.parametrize("stride", [1, 2])
def test_sums_are_exact_in_bfloat16_and_the_layout_does_not_matter(form, stride: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 16, 9, 11, requires_grad=True)
    kernels = torch.randn(2, 1, 49, -(-9 // stride), -(-11 // stride), requires_grad=True)
    exact = form(x, kernels, stride)
    rows = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(form(rows, kernels, stride), exact)
    half = form(x.bfloat16(), kernels.bfloat16(), stride)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, rtol=0.02, atol=0.15)
    wanted = torch.autograd.grad(exact.sum(), (x, kernels))
    given = torch.autograd.grad(half.float().sum(), (x, kernels))
    for a, b in zip(given, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=0.02, atol=0.15)


def test_it_keeps_its_inputs_alone_and_unfold_a_copy_a_tap() -> None:
    size = (1, 32, 16, 16)
    ours, theirs = cost(shifted, size), cost(unfolded, size)
    kernels = 49 / 16  # in sizes of the input, at 16 channels a group
    assert ours["kept"] == pytest.approx(1 + kernels)
    assert theirs["kept"] == pytest.approx(49 + kernels)
    assert ours["peak"] < 12
    assert theirs["peak"] > 100


@pytest.mark.slow
def test_the_command_prints_a_page(capsys: pytest.CaptureFixture) -> None:
    size = ["--size", "1,16,8,8"]
    with pytest.raises(SystemExit, match="0"):
        main(["involution", *size, *size, "--kernel", "3"])
    text = capsys.readouterr().out
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| 1 x 16 x 8")]
    assert [row[1] for row in rows] == ["unfold", "ours"] * 2
    assert float(rows[1][2]) < float(rows[0][2])  # kept
    assert rows[0][5] == "1.00 |"
    assert "kernel 3" in text


def test_both_forms_are_exact() -> None:
    assert max(error(shifted), error(unfolded)) < 1e-6
    assert error(lambda *given: involve(*given) * 1.01) == pytest.approx(0.01, rel=0.01)


def test_onnx_computes_the_same_at_another_size(tmp_path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    module, path = Involution(16, 16, stride=2, kernel=3).eval(), str(tmp_path / "a.onnx")
    axes = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            *(module, (torch.zeros(2, 16, 8, 8),), path),
            **{"input_names": ["x"], "dynamic_axes": {"x": axes}, "dynamo": False},
        )
    x = torch.randn(3, 16, 9, 7)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        given = torch.from_numpy(session.run(None, {"x": x.numpy()})[0])
        torch.testing.assert_close(given, module(x), rtol=1e-4, atol=1e-5)


def test_a_resized_generator_computes_the_same() -> None:
    torch.manual_seed(0)
    small, large = Involution(32, 32, kernel=3).eval(), Involution(32, 32, kernel=7).eval()
    state = small.state_dict()
    for key in ("span.weight", "span.bias"):
        state[key] = resized_generator(state[key], 3, 7)
    large.load_state_dict(state)
    x = torch.randn(2, 32, 9, 8)
    with torch.no_grad():
        torch.testing.assert_close(large(x), small(x))
    assert torch.equal(resized_generator(state["span.bias"], 7, 7), state["span.bias"])


@pytest.mark.parametrize(("old", "new", "numbers"), [(3, 6, 18), (7, 3, 98), (3, 7, 20)])
def test_a_generator_that_cannot_be_resized(old: int, new: int, numbers: int) -> None:
    message = f"a generator of {numbers} numbers cannot go from kernel {old} to {new}: both must"
    with pytest.raises(ValueError, match=message):
        resized_generator(torch.zeros(numbers), old, new)


def test_channels_must_fill_groups() -> None:
    with pytest.raises(ValueError, match="a multiple of 16; got 24 and 24"):
        Involution(24, 24)
