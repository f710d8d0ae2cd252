"""A run has a whole checkpoint at every moment, and no more of them than it was told to keep."""

import os
from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner, find_latest_checkpoint
from torch.utils.data import DataLoader

import tricklift.compat.setup  # noqa: F401
from tricklift.compat.safe_load import load_from_disk


class Line(BaseModel):
    """Fits y = w x."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, inputs, targets, mode="tensor"):
        error = (self.layer(inputs) - targets).square().mean()
        return {"loss": error} if mode == "loss" else [error]


class Score(BaseMetric):
    """Rises at each validation, so that each epoch is the best one so far."""

    rounds = 0

    def process(self, data_batch, data_samples):
        self.results.append(float(data_samples[0]))

    def compute_metrics(self, results):
        self.rounds += 1
        return {"score": self.rounds}


def runner(folder: Path, **checkpoint) -> Runner:
    """Three epochs of two iterations, each followed by a validation."""
    data = [(torch.tensor([float(x)]), torch.tensor([2.0 * x])) for x in range(4)]
    hook = dict(type="CheckpointHook", interval=1, max_keep_ckpts=1, **checkpoint)
    return Runner(
        model=Line(),
        work_dir=str(folder),
        train_dataloader=DataLoader(data, batch_size=2),
        val_dataloader=DataLoader(data, batch_size=2),
        val_evaluator=Evaluator(Score()),
        train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=1),
        val_cfg=dict(),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.01)),
        default_hooks=dict(checkpoint=hook),
        experiment_name=folder.name,
        log_level="ERROR",
    )


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.pth"))


def test_one_last_and_one_best_are_kept(tmp_path):
    runner(tmp_path, save_best="score", rule="greater").train()
    assert checkpoints(tmp_path) == ["best_score_epoch_3.pth", "epoch_3.pth"]
    assert find_latest_checkpoint(str(tmp_path)) == str(tmp_path / "epoch_3.pth")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["epoch_3.pth", "best_score_epoch_3.pth"])
def test_a_run_that_dies_while_writing_has_the_one_before(tmp_path, monkeypatch, name):
    replace = os.replace

    def dies(source, target):  # all but the last step of the write has happened
        if Path(target).name == name:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        runner(tmp_path, save_best="score", rule="greater").train()
    left = checkpoints(tmp_path)
    assert name not in left and name.replace("3", "2") in left
    assert load_from_disk(tmp_path / name.replace("3", "2"))["state_dict"].keys()
    latest = Path(find_latest_checkpoint(str(tmp_path)))
    assert load_from_disk(latest)["meta"]["epoch"] == int(latest.stem[-1])
