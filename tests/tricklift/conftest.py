"""Real runs of mmengine's Runner on one linear layer, which leave result files in milliseconds."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from mmengine.runner import Runner
from torch.utils.data import Dataset

import tricklift.compat.setup
import tricklift.records.results  # noqa: F401  (registers its hook)


@MODELS.register_module()
class LinearTestModel(BaseModel):
    """One linear layer; takes a `backbone` as real models do and leaves it alone."""

    def __init__(self, backbone=None):
        super().__init__()
        self.fc = torch.nn.Linear(2, 1)

    def forward(self, x, mode="tensor"):
        x = torch.stack(x) if isinstance(x, list) else x
        return {"loss": self.fc(x).square().mean()} if mode == "loss" else list(self.fc(x))


@DATASETS.register_module()
class PointsTestData(Dataset):
    """Four points."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {"x": torch.full((2,), float(index))}


@METRICS.register_module()
class AnsweringTestMetric(BaseMetric):
    """Answers what a test told it to, validation after validation."""

    answers: list[dict[str, float]] = []  # noqa: RUF012  (one list for all, on purpose)

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return AnsweringTestMetric.answers.pop(0)


class TinyRuns:
    """Makes configs of two epochs with the labels of a classification run, and trains them."""

    @staticmethod
    def answer(*answers: dict[str, float]) -> None:
        AnsweringTestMetric.answers[:] = answers

    @staticmethod
    def config(folder: Path, **changes: Any) -> Config:
        loader = dict(
            dataset=dict(type="PointsTestData"),
            sampler=dict(type="DefaultSampler", shuffle=False),
            batch_size=2,
        )
        settings: dict[str, Any] = dict(
            model=dict(type="LinearTestModel", backbone=dict(name="resnet18_b", width=0.5)),
            train_dataloader=loader,
            val_dataloader=loader,
            train_cfg=dict(by_epoch=True, max_epochs=2, val_interval=1),
            val_cfg=dict(),
            val_evaluator=dict(type="AnsweringTestMetric"),
            optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1)),
            custom_hooks=[dict(type="ResultHook")],
            benchmark=dict(task="cls", tier="mini", dataset="Points", protocol="one crop"),
            row="B-baseline",
            tricks=["cosine"],
            work_dir=str(folder),
            randomness=dict(seed=3),
            experiment_name=uuid.uuid4().hex,
            log_level="ERROR",
        )
        return Config({**settings, **changes})

    def train(self, cfg: Config, *answers: dict[str, float]) -> dict[str, Any]:
        """Trains, and returns what the run left in result.json."""
        self.answer(*answers)
        Runner.from_cfg(cfg).train()
        return dict(json.loads(Path(cfg.work_dir, "result.json").read_text()))


@pytest.fixture(scope="session")
def tiny() -> TinyRuns:
    """Runs that leave real result files."""
    return TinyRuns()
