"""Synchronising norms changes how statistics are gathered, and nothing else of a network."""

from typing import Any

import mmengine._strategy.distributed
import mmengine.runner.runner
import pytest
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import nn

import tricklift.compat.setup  # noqa: F401
from backbones.registry import build
from tricklift.compat.sync_bn import CpuSyncBatchNorm, CpuSyncBatchNormAct, convert

# The first three have norms that activate.
NETWORKS = ["timm/densenet121", "timm/mobilenetv1_100", "timm/dpn68", "resnet18_d"]


def features(net: Any, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        return tuple(net.eval().forward_features(images))


@pytest.mark.parametrize("name", NETWORKS)
def test_features_stay_what_they_are(name):
    torch.manual_seed(0)
    net: Any = build(name, num_classes=1)
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.uniform_(-0.1, 0.1)
                part.bias.uniform_(-0.1, 0.1)
    images = torch.randn(1, 3, 64, 64)
    plain, keys = features(net, images), set(net.state_dict())
    count = sum(isinstance(part, nn.BatchNorm2d) for part in net.modules())

    net = mmengine.runner.runner.convert_sync_batchnorm(net, "torch")
    assert sum(isinstance(part, nn.SyncBatchNorm) for part in net.modules()) == count
    torch.testing.assert_close(features(net, images), plain)

    net = convert(net)  # for CPUs
    assert sum(isinstance(part, CpuSyncBatchNorm) for part in net.modules()) == count
    torch.testing.assert_close(features(net, images), plain)
    assert set(net.state_dict()) == keys


def test_dropout_and_activation_stay():
    norm = BatchNormAct2d(3, act_layer=nn.SiLU, drop_layer=nn.Hardtanh)  # any layer will do
    x = torch.randn(4, 3, 5, 5)
    want = nn.functional.silu(nn.functional.hardtanh(nn.BatchNorm2d(3)(x)))
    alone = convert(mmengine.runner.runner.convert_sync_batchnorm(norm))
    assert isinstance(alone, CpuSyncBatchNormAct)
    torch.testing.assert_close(alone(x), want)


def test_both_runners_of_mmengine_look_it_up():
    for module in (mmengine.runner.runner, mmengine._strategy.distributed, mmengine.model):
        net = module.convert_sync_batchnorm(nn.Sequential(BatchNormAct2d(3)), "torch")
        assert net[0](torch.full((2, 3, 1, 1), -1.0)).min() == 0


def test_what_cannot_be_synchronised():
    conversion = mmengine.runner.runner.convert_sync_batchnorm
    with pytest.raises(
        ValueError, match=r"sync_bn='mmcv' would remove the activations .*set sync_bn='torch'"
    ):
        conversion(nn.Sequential(BatchNormAct2d(3)), "mmcv")
    with pytest.raises(ValueError, match='should be "torch" or "mmcv", but got apex'):
        conversion(nn.BatchNorm2d(3), "apex")
