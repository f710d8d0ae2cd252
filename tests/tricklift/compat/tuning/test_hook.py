"""Every Runner on a CPU gets the tuning, whatever started it."""

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

import tricklift.compat.setup  # noqa: F401  (installs the hooks)
from tricklift.compat.tuning import hook
from tricklift.compat.tuning.small_maps import SmallMapsConv


class Model(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)

    def forward(self, inputs: torch.Tensor, mode: str) -> dict[str, torch.Tensor]:
        assert mode == "loss"
        return {"loss": self.conv(inputs).square().mean()}


def test_a_training_is_tuned(tmp_path, monkeypatch):
    kept: list[bool] = []
    monkeypatch.setattr(hook, "keep_freed", lambda: kept.append(True))
    images = [{"inputs": torch.ones(3, 2, 2)}] * 2
    runner = Runner(
        Model(),
        str(tmp_path),
        train_dataloader={
            "dataset": images,
            "batch_size": 2,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "collate_fn": {"type": "default_collate"},
        },
        train_cfg={"by_epoch": True, "max_epochs": 1},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
    )
    assert type(runner.model.conv) is nn.Conv2d
    runner.train()
    assert type(runner.model.conv) is SmallMapsConv
    assert kept
