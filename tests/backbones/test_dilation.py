"""A dilated network against the strided one, at the positions that the strided one has."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import backbones
from backbones.dilation import DensePool, dilate
from backbones.properties import equal_where_strided, quiet_gates

#: Without padding in their 2x2 pools, these drop the last row of an odd map.
CUT_OFF = ("hardnet68", "timm/densenet121", "timm/vgg11_bn")
WITH_CENTRED_WINDOWS = (
    *("hardnet39ds", "timm/dpn68", "timm/mobilenetv1_100", "timm/legacy_seresnet50"),
)


def pair(name: str, output_stride: int, headless) -> tuple[Any, Any]:
    """The strided network and the dilated one with its weights."""
    strided = headless(name)
    quiet_gates(strided)
    dilated = headless(name, output_stride=output_stride)
    dilated.load_state_dict(strided.state_dict())
    return strided, dilated


@pytest.mark.parametrize("output_stride", [8, 16])
@pytest.mark.parametrize(
    ("name", "size"),
    [*((n, (96, 128)) for n in CUT_OFF), *((n, (97, 70)) for n in WITH_CENTRED_WINDOWS)],
)
def test_equal_at_the_strided_positions(
    name: str, size: tuple[int, int], output_stride: int, headless
) -> None:
    strided, dilated = pair(name, output_stride, headless)
    equal_where_strided(strided, dilated, output_stride, size)


@pytest.mark.parametrize("name", CUT_OFF[:2])
def test_odd_maps_differ_at_the_lower_and_right_border_alone(name: str, headless) -> None:
    """A 2x2 pool without padding drops the last row of an odd map; the dilated one keeps it."""
    strided, dilated = pair(name, 16, headless)
    x = torch.randn(1, strided.feature_info.channels[2], 19, 19)
    with torch.no_grad():
        theirs = strided.stages[3][0](x)
        ours = dilated.stages[3][0](x)[:, :, ::2, ::2]
    assert (theirs.shape[2], ours.shape[2]) == (9, 10)
    torch.testing.assert_close(ours[:, :, :9, :9], theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("average", [True, False])
def test_a_dense_pool_is_the_strided_pool_between_and_at_its_positions(average: bool) -> None:
    x = torch.randn(2, 3, 12, 16, generator=torch.Generator().manual_seed(0))
    pool = F.avg_pool2d if average else F.max_pool2d
    dense = DensePool(1, average)(x)
    assert dense.shape == x.shape
    torch.testing.assert_close(dense[:, :, ::2, ::2], pool(x, 2, 2))
    apart = DensePool(2, average)(x)[:, :, ::2, ::2]  # every second position on its own
    near = DensePool(1, average)(x[:, :, ::2, ::2])
    inner = slice(None, -1)  # it repeats the very last position
    torch.testing.assert_close(apart[:, :, inner, inner], near[:, :, inner, inner])
    assert "dilation=2" in repr(DensePool(2, average))


def test_what_cannot_be_dilated_is_refused_with_the_reason() -> None:
    with torch.device("meta"), pytest.raises(ValueError, match="no output stride 8: its blocks"):
        backbones.build("timm/inception_v3", output_stride=8)
    with torch.device("meta"), pytest.raises(ValueError, match="do not run in a row"):
        backbones.build("timm/mobilenetv3_small_050", output_stride=8)
    with pytest.raises(ValueError, match="output_stride must be one of 8, 16, 32; got 4"):
        dilate([nn.Identity()], [32], 4)
    shifted = nn.Sequential(nn.Conv2d(3, 3, 2, stride=2))
    with pytest.raises(ValueError, match=r"cannot dilate Conv2d.*windows are not centred"):
        dilate([shifted], [16], 8)
    with pytest.raises(ValueError, match="cannot dilate AvgPool2d"):
        dilate([nn.Sequential(nn.AvgPool2d(3, 2, padding=1))], [16], 8)
