"""The tests of the ops go through `mmcv.ops`, so that mmcv's own Python is the caller."""

import pytest
import torch

import tricklift.compat.setup  # noqa: F401  (makes mmcv._ext importable)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
