"""Fifty thousand steps of a tiny model: memory is flat, handles, logs and checkpoints bounded."""

import os
import uuid
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from mmengine.runner import Runner
from torch.utils.data import Dataset

import tricklift.compat.setup
import tricklift.records.results  # noqa: F401  (registers its hook)

STEPS, EVERY = 50_000, 5_000
#: More than this share of its memory is a leak.
GROWTH = 0.02


@MODELS.register_module()
class LongRunTestModel(BaseModel):
    """One linear layer, with losses of two parts."""

    def __init__(self, backbone=None):
        super().__init__()
        self.fc = torch.nn.Linear(2, 1)

    def forward(self, x, mode="tensor"):
        x = self.fc(torch.stack(x))
        return {"loss_a": x.square().mean(), "loss_b": x.abs().mean()} if mode == "loss" else [x]


@DATASETS.register_module()
class LongRunTestData(Dataset):
    """Eight points."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return {"x": torch.rand(2)}


@METRICS.register_module()
class LongRunTestMetric(BaseMetric):
    """Counts."""

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {"accuracy/top1": float(len(results))}


class Watches(Hook):
    """Notes resident memory (bytes) and open handles, now and then."""

    priority = "LOWEST"

    def __init__(self):
        self.memory, self.handles = [], []

    def after_train_iter(self, runner, *batch, **more):
        if (runner.iter + 1) % EVERY == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.memory.append(pages * os.sysconf("SC_PAGE_SIZE"))
            self.handles.append(len(os.listdir("/proc/self/fd")))


@pytest.mark.faults
def test_fifty_thousand_steps(tmp_path):
    loader = dict(
        dataset=dict(type="LongRunTestData"),
        sampler=dict(type="InfiniteSampler", shuffle=True),
        batch_size=2,
        num_workers=1,
        persistent_workers=True,
    )
    checks = {**loader, "sampler": dict(type="DefaultSampler", shuffle=False)}
    checkpoint = dict(type="CheckpointHook", by_epoch=False, interval=EVERY, max_keep_ckpts=10)
    cfg = Config(
        dict(
            model=dict(type="LongRunTestModel", backbone=dict(name="resnet18_b")),
            train_dataloader=loader,
            val_dataloader=checks,
            train_cfg=dict(by_epoch=False, max_iters=STEPS, val_interval=EVERY),
            val_cfg=dict(),
            val_evaluator=dict(type="LongRunTestMetric"),
            optim_wrapper=dict(optimizer=dict(type="SGD", lr=1e-3, momentum=0.9)),
            custom_hooks=[dict(type="ResultHook"), dict(type="EMAHook")],
            default_hooks=dict(
                checkpoint=checkpoint,
                logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=False),
            ),
            log_processor=dict(by_epoch=False),
            benchmark=dict(task="cls", tier="mini", protocol="none"),
            work_dir=str(tmp_path),
            randomness=dict(seed=0),
            experiment_name=uuid.uuid4().hex,
        )
    )
    runner, watch = Runner.from_cfg(cfg), Watches()
    runner.register_hook(watch)
    runner.train()
    late = watch.memory[1:]  # what is filled once (the log's history) is filled by then
    growth = late[-1] / late[0] - 1
    sizes = [(tmp_path / f"iter_{at}.pth").stat().st_size for at in (2 * EVERY, STEPS)]
    logs = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.suffix != ".pth")
    print(
        f"{STEPS} steps: {late[0] / 2**20:.1f} MiB after {2 * EVERY}, {late[-1] / 2**20:.1f} MiB "
        f"at the end ({100 * growth:+.2f} %); handles {watch.handles[1]} and {watch.handles[-1]}; "
        f"checkpoint {sizes[0]} and {sizes[1]} bytes; logs {logs / 2**20:.2f} MiB "
        f"({logs * 50 / STEPS:.0f} bytes a logged step)"
    )
    assert abs(growth) < GROWTH
    assert watch.handles[-1] <= watch.handles[1]
    assert sizes[1] < 1.02 * sizes[0]
    assert logs * 50 / STEPS < 2000
