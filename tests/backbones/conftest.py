"""Shared by the backbone tests: networks with weights that leave no difference hidden."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import DefaultScope
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


@pytest.fixture(scope="session")
def randomise() -> Callable[..., Any]:
    return _randomise


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
    return _randomise(network)


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
        model = _randomise(backbones.build(name, num_classes, **options))
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


def _train(work_dir: Path, ema: bool) -> dict[str, Any]:
    from mmengine.config import Config
    from mmengine.model import BaseModel
    from mmengine.runner import Runner

    class Classifier(BaseModel):
        """A model of the shape that the cls stage has: our network under ``backbone``."""

        def __init__(self) -> None:
            super().__init__()
            self.backbone = backbones.build("resnet18_d", 3, width=0.25)

        def forward(self, images: torch.Tensor, mode: str = "tensor") -> Any:
            logits = self.backbone(images)
            return {"loss": logits.square().mean()} if mode == "loss" else logits

    class Images(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 12

        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            return {
                "images": torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(index))
            }

    config = Config(
        {
            "model": {
                "backbone": {"name": "resnet18_d", "width": 0.25},
                "num_classes": 3,
                "data_preprocessor": {"type": "ClsPreprocessor", "mean": [127.5, 127.5, 127.5]},
            },
            "row": "D-tricks",
            "tricks": ["cosine", "mixup"],
            "benchmark": {"task": "cls", "dataset": "MiniWorld"},
        }
    )
    runner = Runner(
        Classifier(),
        str(work_dir),
        train_dataloader={
            "dataset": Images(),
            "batch_size": 4,
            "sampler": {"type": "DefaultSampler", "shuffle": True},
            "collate_fn": {"type": "default_collate"},
        },
        train_cfg={"by_epoch": True, "max_epochs": 2},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.001, "momentum": 0.9}},
        custom_hooks=[{"type": "EMAHook", "momentum": 0.5}] if ema else [],
        default_hooks={"logger": {"type": "LoggerHook", "interval": 1}},
        cfg=config,
        experiment_name=f"{work_dir.name}",
    )
    runner.train()
    weights = {"trained": runner.model.backbone.state_dict()}
    if ema:
        hook = next(h for h in runner.hooks if type(h).__name__ == "EMAHook")
        weights["averaged"] = hook.ema_model.module.backbone.state_dict()
    return {"path": work_dir / "epoch_2.pth", **weights}
