"""Shared by the backbone tests: networks with weights that leave no difference hidden."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner

import backbones
import tricklift.compat.setup  # noqa: F401  (mmdet imports mmcv.ops)
from backbones import checkpoint
from backbones.properties.networks import randomise


@contextmanager
def _default_scope_restored() -> Iterator[None]:
    """mmengine's Runner leaves its scope behind, in which later tests would look things up."""
    before = dict(DefaultScope._instance_dict)
    yield
    DefaultScope._instance_dict.clear()
    DefaultScope._instance_dict.update(before)


@pytest.fixture(autouse=True)
def _scope_of_each_test() -> Iterator[None]:
    with _default_scope_restored():
        yield


@pytest.fixture(scope="session", name="randomise")
def _randomise() -> Callable[..., Any]:
    return randomise


def _headless(name: str, **options: Any) -> Any:
    """A network for features alone, without drawing VGG's hundred million weights of the head."""
    with torch.device("meta"):
        network: Any = backbones.build(name, num_classes=1, **options)
    network.keep_until(len(network.feature_info.channels) - 1)
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        fan_in = parameter[0].numel() if parameter.dim() > 1 else 100
        with torch.no_grad():
            parameter.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
    return randomise(network)


@pytest.fixture(scope="session")
def headless() -> Callable[..., Any]:
    return _headless


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
        model = randomise(backbones.build(name, num_classes, **options))
        path = tmp_path / file
        metadata = {"architecture": name, "options": json.dumps(options), "row": "B-baseline"}
        checkpoint.save(path, model.state_dict(), metadata)
        return path

    return write


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Checkpoints that mmengine's Runner really wrote, with and without EMA, and their weights."""
    with _default_scope_restored():
        return {
            "ema": _train(tmp_path_factory.mktemp("ema"), ema=True),
            "plain": _train(tmp_path_factory.mktemp("plain"), ema=False),
        }


class RandomImages(torch.utils.data.Dataset):
    """Twelve images of 32 pixels, of three classes."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(index)
        image = torch.randint(256, (3, 32, 32), generator=generator, dtype=torch.uint8)
        return {"inputs": image, "labels": index % 3}


def _train(work_dir: Path, ema: bool) -> dict[str, Any]:
    """Three epochs of the classification stage, by mmengine's Runner alone."""
    import cls  # noqa: F401  (registers its parts)

    DATASETS.register_module(name="RandomTestImages", module=RandomImages, force=True)
    loader = {
        "dataset": {"type": "RandomTestImages"},
        "batch_size": 4,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "default_collate"},
    }
    config = {
        "model": {
            "type": "ImageClassifier",
            "backbone": {"name": "resnet18_d", "width": 0.25},
            "num_classes": 3,
            "data_preprocessor": {"mean": [127.5] * 3},
        },
        "row": "D-tricks",
        "tricks": ["cosine", "mixup"],
        "benchmark": dict(task="cls", tier="mini", dataset="MiniWorld", protocol="one crop"),
        "train_dataloader": loader,
        "val_dataloader": loader,
        "train_cfg": {"by_epoch": True, "max_epochs": 3, "val_interval": 1},
        "val_cfg": {},
        "val_evaluator": {"type": "TopKAccuracy"},
        "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.05, "momentum": 0.9}},
        "custom_hooks": [
            {"type": "ResultHook"},
            *([{"type": "EMAHook", "momentum": 0.5}] if ema else []),
        ],
        "default_hooks": {
            "checkpoint": dict(type="CheckpointHook", interval=1, save_best="accuracy/top1")
        },
        "randomness": {"seed": 5},
        "work_dir": str(work_dir),
        "experiment_name": work_dir.name,
    }
    runner = Runner.from_cfg(Config(config))
    runner.train()
    weights = {"trained": runner.model.backbone.state_dict()}
    if ema:
        hook = next(h for h in runner.hooks if type(h).__name__ == "EMAHook")
        weights["averaged"] = hook.ema_model.module.backbone.state_dict()
    result = json.loads((work_dir / "result.json").read_text())
    return {"path": work_dir / "epoch_3.pth", "result": result, **weights}
