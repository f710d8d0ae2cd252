"""What a resumed run draws, in real runs of mmengine's Runner."""

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS
from mmengine.runner import Runner
from torch.utils.data import Dataset

from tricklift.compat.seeds import seed_at

drawn: list[tuple[float, float]] = []


@DATASETS.register_module()
class DrawnTestData(Dataset):
    """Four points, drawn where they are loaded."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {"x": torch.rand(2)}


@HOOKS.register_module()
class DrawingTestHook(Hook):
    """Draws one number a step, beside the one that a worker drew."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        drawn.append((float(torch.rand(())), float(data_batch["x"][0][0])))


def train(tiny, folder, loop: dict, resume: bool = False) -> list[tuple[float, float]]:
    """The numbers of each step of two images: the process's and the worker's."""
    endless = not loop["by_epoch"]
    loader = dict(
        dataset=dict(type="DrawnTestData"),
        sampler=dict(type="InfiniteSampler" if endless else "DefaultSampler", shuffle=False),
        batch_size=2,
        num_workers=1,
        persistent_workers=True,
    )
    checkpoint = dict(type="CheckpointHook", interval=1, by_epoch=not endless)
    config = tiny.config(
        folder,
        train_dataloader=loader,
        val_dataloader=None,
        val_cfg=None,
        val_evaluator=None,
        train_cfg=loop,
        custom_hooks=[dict(type="DrawingTestHook")],
        default_hooks=dict(checkpoint=checkpoint),
        resume=resume,
    )
    drawn.clear()
    Runner.from_cfg(config).train()
    return list(drawn)


@pytest.mark.parametrize("length", ["max_epochs", "max_iters"])
def test_a_resumed_run_does_not_draw_its_first_numbers_again(tiny, tmp_path, length):
    def loop(epochs: int) -> dict:
        by_epoch = length == "max_epochs"
        return {"by_epoch": by_epoch, length: epochs if by_epoch else 2 * epochs}

    whole = train(tiny, tmp_path / "whole", loop(2))
    assert len(set(whole)) == 4
    resumed = []
    for name in ("one", "another"):
        assert train(tiny, tmp_path / name, loop(1)) == whole[:2]
        resumed.append(train(tiny, tmp_path / name, loop(2), resume=True))
    own, workers = (set(column) for column in zip(*resumed[0], strict=True))
    assert len(own) == len(workers) == 2
    assert own.isdisjoint(number for number, _ in whole)
    if length == "max_epochs":
        assert workers.isdisjoint(number for _, number in whole)
    else:  # its workers load the images of the first steps again, and go on from there
        assert workers == {number for _, number in whole[2:]}
    assert resumed[0] == resumed[1]


def test_seeds_of_neighbours_are_far_apart():
    """Workers and ranks count up from a seed; numpy's seeds end at 2^32."""
    seeds = np.sort([seed_at(seed, iteration) for seed in range(3) for iteration in range(1, 50)])
    assert np.diff(seeds).min() > 1000
    assert seeds.max() < 2**31
