"""Batches of 1 are refused exactly where a batch norm would have one value a channel."""

import copy
from pathlib import Path
from types import SimpleNamespace

import mmseg
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn
from torch.utils.data import BatchSampler, DataLoader

import seg  # noqa: F401
from tricklift.compat.batch_of_one import norms_of_one_value, smallest_batch
from tricklift.compat.sync_bn import CpuSyncBatchNorm

SIDE = 64
ONE_VALUE = "Expected more than 1 value per channel"
STOCK = sorted((Path(mmseg.__file__).parent / ".mim/configs/_base_/models").glob("*.py"))
#: Their backbones are of mmpretrain, of diffusers, or need texts or a larger image.
NOT_HERE = ("fpn_poolformer_s12", "san_vit-b16", "upernet_convnext", "vpd_sd", "upernet_beit")
NOT_HERE += ("upernet_mae", "lraspp_m-v3-d8", "psanet_r50-d8")


def batch_of(images: int, side: int = SIDE) -> dict:
    random = torch.Generator().manual_seed(0)
    batch: dict = {"inputs": [], "data_samples": []}
    for _ in range(images):
        shape = {"img_shape": (side, side), "ori_shape": (side, side)}
        sample = SegDataSample(metainfo=shape)
        labels = torch.randint(0, 2, (1, side, side), generator=random)
        sample.gt_sem_seg = PixelData(data=labels)
        sample.gt_edge_map = PixelData(data=labels.clone())
        image = torch.randint(0, 255, (3, side, side), generator=random, dtype=torch.uint8)
        batch["inputs"].append(image)
        batch["data_samples"].append(sample)
    return batch


def crashes(model: nn.Module, batch: dict) -> bool:
    """Whether a training step on a batch ends in torch's error of one value."""
    model.train()
    try:
        with torch.no_grad():
            model._run_forward(model.data_preprocessor(batch, True), mode="loss")
    except ValueError as error:
        assert ONE_VALUE in str(error)
        return True
    return False


def built(config: dict, side: int = SIDE) -> nn.Module:
    init_default_scope("mmseg")
    config = copy.deepcopy(config)
    config["data_preprocessor"]["size"] = (side, side)
    return MODELS.build(config)


def test_our_configs(repo):
    """Of all leaves of ours: each kind of head and norm once, on a small backbone."""
    kinds = {}
    for file in sorted((repo / "configs/seg").rglob("*.py")):
        model = Config.fromfile(file).model
        kinds.setdefault((model.decode_head.type, model.decode_head.norm_cfg.type), model)
    verdicts = {}
    for (head, _), config in kinds.items():
        config.backbone.update(name="resnet18_b", checkpoint=None)
        model = built(config)
        refused = bool(norms_of_one_value(model, batch_of(1), 1))
        assert refused == crashes(model, batch_of(1)), head
        assert not norms_of_one_value(model, batch_of(2), 1), head
        assert not crashes(model, batch_of(2)), head
        verdicts[head] = refused
    assert verdicts == {"FCNHead": False, "PSPHead": True}


def plain(node: object) -> None:
    """Takes weights of libraries and synchronised norms out of a stock model, in place."""
    if isinstance(node, dict):
        node.pop("init_cfg", None)
        if node.get("type") == "SyncBN":
            node["type"] = "BN"
    if isinstance(node, dict | list | tuple):
        for inner in node.values() if isinstance(node, dict) else node:
            plain(inner)


@pytest.mark.slow
@pytest.mark.parametrize("file", STOCK, ids=lambda file: file.stem)
def test_mmsegs_heads(file):
    if file.stem in NOT_HERE:
        pytest.skip("does not run in this installation, or on an image of 128 pixels")
    config = Config.fromfile(file).model
    config.pretrained = None
    plain(config)
    model = built(config, side=128)
    for images in (1, 2):
        batch = batch_of(images, 128)
        assert bool(norms_of_one_value(model, batch, 1)) == crashes(model, batch), images


class Pooled(nn.Module):
    """A global branch, as in PSPNet's head, and the norm of a map before it."""

    def __init__(self, norm: type = nn.BatchNorm2d) -> None:
        super().__init__()
        self.first, self.pooled = norm(3), norm(3)
        self.register_buffer("moved", torch.zeros(()))
        self.data_preprocessor = lambda batch, training: batch

    def _run_forward(self, batch: torch.Tensor, mode: str) -> torch.Tensor:
        assert mode == "loss"
        self.moved += 1  # as the bases of EMANet
        return self.pooled(self.first(batch).mean((2, 3), keepdim=True))


@pytest.mark.parametrize(("batch", "world", "wanted"), [(1, 1, ["pooled"]), (2, 1, []), (1, 2, [])])
def test_a_synchronised_norm_counts_all_processes(batch, world, wanted):
    images = torch.rand(batch, 3, 8, 8)
    assert norms_of_one_value(Pooled(CpuSyncBatchNorm), images, world) == wanted
    alone = ["pooled"] if batch == 1 else []
    assert norms_of_one_value(Pooled(), images, world) == alone, "others normalise by their own"


def test_a_frozen_norm_needs_no_batch():
    model = Pooled()
    model.train = lambda mode=True: nn.Module.train(model, False)  # as norm_eval does
    assert norms_of_one_value(model, torch.rand(1, 3, 8, 8), 1) == []


def test_the_model_is_left_as_it_was():
    model = Pooled()
    model.pooled.eval()
    before = copy.deepcopy(model.state_dict())
    norms_of_one_value(model, torch.rand(1, 3, 8, 8), 1)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(part.training for part in model.modules())
    assert not any(part._forward_pre_hooks for part in model.modules())


def test_a_forward_that_fails_is_left_to_the_training():
    model = Pooled()
    model._run_forward = lambda batch, mode: model.pooled(model.first(batch))[9]
    assert norms_of_one_value(model, torch.rand(1, 3, 1, 1), 1) == ["first", "pooled"]


@pytest.mark.parametrize("images", [1, 2, 5, 6, 7])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("drop_last", [True, False])
def test_the_smallest_batch_is_the_one_that_comes(images, size, drop_last):
    data = list(range(images))
    batches = BatchSampler(DefaultSampler(data, shuffle=True), size, drop_last)
    loader = DataLoader(data, batch_sampler=batches)
    came = [len(batch) for batch in loader]
    if came:
        assert smallest_batch(loader) == min(came)
    endless = DataLoader(data, batch_sampler=BatchSampler(InfiniteSampler(data), size, drop_last))
    assert smallest_batch(endless) == size


def test_loaders_that_do_not_say_their_batches():
    assert smallest_batch(SimpleNamespace(batch_sampler=None)) is None
    assert smallest_batch(DataLoader(list(range(3)), batch_size=None)) is None
