"""How every config hands images to the device."""

import warnings

import pytest
import torch
from mmengine.config import Config
from torch.utils.data import DataLoader

from tricklift import configs
from tricklift.compat import setup


@pytest.mark.parametrize("name", configs.short_names())
def test_every_loader_pins_its_batches(name):
    """From pinned memory images are copied to a GPU while it computes."""
    cfg = Config.fromfile(configs.find_config(name), import_custom_modules=False)
    loaders = [cfg[f"{split}_dataloader"] for split in ("train", "val", "test")]
    assert all(loader.pin_memory is True for loader in loaders)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="batches are pinned here")
def test_a_machine_without_a_gpu_is_not_warned_of_it():
    with warnings.catch_warnings(record=True) as said:
        setup.install()  # again, since pytest has filters of its own
        list(DataLoader([1, 2], pin_memory=True))
    assert not [str(warning.message) for warning in said if "pin_memory" in str(warning.message)]
