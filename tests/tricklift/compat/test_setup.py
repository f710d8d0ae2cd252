"""Importing `tricklift.compat.setup` installs all of `compat`, once."""

import sys
from importlib.machinery import PathFinder

import torch
from mmengine.dist import utils as dist_utils
from mmengine.logging import HistoryBuffer
from mmengine.model.wrappers import MMDistributedDataParallel
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.runner import CheckpointLoader

from tricklift.compat import amp, safe_load, setup
from tricklift.compat.finder import ExtensionFinder


def test_installing_again_changes_nothing():
    for _ in range(2):
        setup.install()
    (own,) = (i for i, finder in enumerate(sys.meta_path) if isinstance(finder, ExtensionFinder))
    assert own > sys.meta_path.index(PathFinder)  # installed modules are found first
    for wrapped in (MMDistributedDataParallel.__init__, dist_utils._init_dist_pytorch):
        assert not hasattr(wrapped.__wrapped__, "__wrapped__")
    assert OPTIM_WRAPPERS.get("AmpOptimWrapper") is amp.AmpOptimWrapper
    assert CheckpointLoader._get_checkpoint_loader("iter_1.pth") is safe_load.load_from_disk
    assert HistoryBuffer in torch.serialization.get_safe_globals()


def test_other_schemes_keep_their_loaders():
    for scheme in ("https://x.org/a.pth", "torchvision://resnet50", "open-mmlab://resnet50_v1c"):
        assert CheckpointLoader._get_checkpoint_loader(scheme) is not safe_load.load_from_disk
