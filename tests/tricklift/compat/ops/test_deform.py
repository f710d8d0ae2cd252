"""Deformable convolution against plain loops, and by gradcheck."""

import math
from dataclasses import dataclass

import pytest
import torch
from mmcv.ops import DeformConv2dPack, ModulatedDeformConv2dPack, deform_conv2d
from mmcv.ops import modulated_deform_conv2d as modulated_conv
from torch import Tensor
from torch.nn import functional as F

from tricklift.compat.ops import deform


@dataclass
class Case:
    """One geometry, with the tensors that belong to it (float64)."""

    stride: int = 1
    padding: int = 1
    dilation: int = 1
    groups: int = 1
    deform_groups: int = 1
    batch: int = 2

    def tensors(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Input, offset, mask, weight, bias: 4 channels in, 4 out, kernel 3 x 2, map 5 x 6."""

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        x, weight = normal(self.batch, 4, 5, 6), normal(4, 4 // self.groups, 3, 2)
        out = F.conv2d(x, weight, None, self.stride, self.padding, self.dilation, self.groups)
        taps = self.deform_groups * 6
        offset = normal(self.batch, 2 * taps, *out.shape[2:])
        mask = normal(self.batch, taps, *out.shape[2:]).sigmoid()
        return x, offset, mask, weight, normal(4)

    @property
    def geometry(self) -> tuple[int, int, int, int, int]:
        return self.stride, self.padding, self.dilation, self.groups, self.deform_groups


CASES = [
    Case(),
    Case(stride=2, padding=0),
    Case(padding=2, dilation=2),
    Case(groups=2),
    Case(deform_groups=2),
    Case(groups=4, deform_groups=2, batch=1),
]


def sample(plane: list[list[float]], y: float, x: float) -> float:
    """Bilinear value of a map that is 0 outside (each of the four pixels for itself)."""
    top, left = math.floor(y), math.floor(x)
    total = 0.0
    for row, wy in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, wx in ((left, 1 - (x - left)), (left + 1, x - left)):
            if 0 <= row < len(plane) and 0 <= column < len(plane[0]):
                total += wy * wx * plane[row][column]
    return total


def loop_deform(case: Case, x: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor):
    """Eq. 2 of Deformable ConvNets (eq. 1 of v2 with a mask), one number at a time."""
    out_channels, per_group, kh, kw = weight.shape
    height, width = offset.shape[2:]
    planes, shifts = x.tolist(), offset.tolist()
    out = x.new_zeros(x.size(0), out_channels, height, width)
    for n in range(x.size(0)):
        for o in range(out_channels):
            group = o // (out_channels // case.groups)
            for i in range(height):
                for j in range(width):
                    total = 0.0
                    for c in range(per_group):
                        channel = group * per_group + c
                        part = channel // (x.size(1) // case.deform_groups)
                        for tap in range(kh * kw):
                            a, b = divmod(tap, kw)
                            base = 2 * (part * kh * kw + tap)
                            y0 = i * case.stride - case.padding + a * case.dilation
                            x0 = j * case.stride - case.padding + b * case.dilation
                            value = sample(
                                planes[n][channel],
                                y0 + shifts[n][base][i][j],
                                x0 + shifts[n][base + 1][i][j],
                            )
                            if mask is not None:
                                value *= float(mask[n, part * kh * kw + tap, i, j])
                            total += value * float(weight[o, c, a, b])
                    out[n, o, i, j] = total
    return out


@pytest.mark.parametrize("case", CASES, ids=str)
def test_deform_conv_equals_the_loop(generator, case):
    x, offset, mask, weight, bias = case.tensors(generator)
    plain = deform_conv2d(x, offset, weight, *case.geometry)
    torch.testing.assert_close(plain, loop_deform(case, x, offset, None, weight))
    found = modulated_conv(x, offset, mask, weight, bias, *case.geometry)
    expected = loop_deform(case, x, offset, mask, weight)
    torch.testing.assert_close(found, expected + bias.view(1, -1, 1, 1))
    torch.testing.assert_close(
        modulated_conv(x, offset, mask, weight, None, *case.geometry), expected
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_zero_offsets_are_a_convolution(generator, case):
    x, offset, mask, weight, bias = (t.float() for t in case.tensors(generator))
    stride, padding, dilation, groups, _ = case.geometry
    expected = F.conv2d(x, weight, None, stride, padding, dilation, groups)
    still = torch.zeros_like(offset)
    found = deform_conv2d(x, still, weight, *case.geometry)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    found = modulated_conv(x, still, torch.full_like(mask, 0.5), weight, bias, *case.geometry)
    torch.testing.assert_close(found, 0.5 * expected + bias.view(1, -1, 1, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", [CASES[1], CASES[5]], ids=str)
def test_gradients(generator, case):
    x, offset, mask, weight, bias = (t.requires_grad_() for t in case.tensors(generator))
    torch.autograd.gradcheck(
        lambda x, o, w: deform_conv2d(x, o, w, *case.geometry), (x, offset, weight)
    )
    torch.autograd.gradcheck(
        lambda x, o, m, w, b: modulated_conv(x, o, m, w, b, *case.geometry),
        (x, offset, mask, weight, bias),
    )
    torch.autograd.gradcheck(
        lambda x, o, m, w: modulated_conv(x, o, m, w, None, *case.geometry),
        (x, offset, mask, weight),
    )


def test_im2col_step_changes_nothing(generator):
    case = Case(batch=4)
    x, offset, _, weight, _ = case.tensors(generator)
    whole = deform_conv2d(x, offset, weight, *case.geometry, False, 32)
    assert torch.equal(deform_conv2d(x, offset, weight, *case.geometry, False, 2), whole)
    with pytest.raises(AssertionError, match="divisible by im2col_step"):
        deform_conv2d(x, offset, weight, *case.geometry, False, 3)


def test_bfloat16_is_computed_in_float32(generator):
    """Under autocast the offset is bfloat16, and mmcv casts the rest to it."""
    x, offset, mask, weight, bias = (t.bfloat16() for t in Case().tensors(generator))
    half = [t.clone().requires_grad_() for t in (x, offset, mask, weight, bias)]
    single = [t.float().requires_grad_() for t in (x, offset, mask, weight, bias)]
    found, expected = modulated_conv(*half, *CASES[0].geometry), modulated_conv(*single, 1, 1)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected.bfloat16())
    weights = torch.ones_like(expected)
    found.backward(weights.bfloat16())
    expected.backward(weights)
    for a, b in zip(half, single, strict=True):
        assert a.grad.dtype == torch.bfloat16
        assert torch.equal(a.grad, b.grad.bfloat16())


def test_an_empty_batch(generator):
    """mmcv's Python refuses one before the op is called; the op itself does nothing."""
    x, offset, mask, weight, bias = Case().tensors(generator)
    x, offset, mask = x[:0], offset[:0], mask[:0]
    with pytest.raises(ValueError, match="too small"):
        modulated_conv(x, offset, mask, weight, bias, 1, 1)
    none = x.new_zeros(0)
    out = x.new_zeros(0, 4, 5, 7)
    geometry = dict.fromkeys(deform.SECOND, 1) | dict(kernel_h=3, kernel_w=2, with_bias=True)
    deform.modulated_deform_conv_forward(x, weight, bias, none, offset, mask, out, none, **geometry)
    grads = [torch.zeros_like(t) for t in (x, weight, bias, offset, mask)]
    deform.modulated_deform_conv_backward(
        x, weight, bias, none, offset, mask, none, *grads, out, **geometry
    )
    assert not any(grad.any() for grad in grads)


def test_layers_train_under_autocast(generator):
    """The modules that stock DCN configs use, forward and backward on a CPU."""
    for layer in (
        DeformConv2dPack(4, 4, 3, padding=1, deform_groups=2),
        ModulatedDeformConv2dPack(4, 4, 3, padding=1),
    ):
        x = torch.randn(2, 4, 6, 6, generator=generator)
        for enabled in (False, True):
            layer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                out = layer(x)
            out.float().square().mean().backward()
            for name, parameter in layer.named_parameters():
                assert parameter.grad is not None, name
                assert parameter.grad.isfinite().all() and parameter.grad.any(), name
