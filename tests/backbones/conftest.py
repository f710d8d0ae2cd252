"""Shared by the backbone tests: networks with weights that leave no difference hidden."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import backbones
from backbones import checkpoint


def _randomise(network: nn.Module, seed: int = 0) -> nn.Module:
    """Batch-norm statistics, gammas and betas away from 0 and 1; evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            size = module.weight.shape
            with torch.no_grad():
                module.weight.copy_(torch.rand(size, generator=generator) * 0.5 + 0.25)
                module.bias.copy_(torch.randn(size, generator=generator) * 0.2)
                module.running_mean.copy_(torch.randn(size, generator=generator) * 0.2)
                module.running_var.copy_(torch.rand(size, generator=generator) + 0.5)
    return network.eval()


@pytest.fixture(scope="session")
def randomise() -> Callable[..., Any]:
    return _randomise


@pytest.fixture
def images() -> torch.Tensor:
    """Two images of an odd size, so that every rounding of a stride shows."""
    return torch.randn(2, 3, 97, 65, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def exported(tmp_path: Path) -> Callable[..., Path]:
    """Write an exchange file of a randomised network, and return its path."""

    def write(
        name: str, num_classes: int = 5, file: str = "weights.safetensors", **options
    ) -> Path:
        model = _randomise(backbones.build(name, num_classes, **options))
        path = tmp_path / file
        metadata = {"architecture": name, "options": json.dumps(options), "row": "B-baseline"}
        checkpoint.save(path, model.state_dict(), metadata)
        return path

    return write
