"""What a step draws, in real runs of mmengine's Runner: the same, however often it is stopped."""

import random

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS
from mmengine.runner import Runner
from stopping import train_and_stop
from torch.utils.data import Dataset

from tricklift.compat.seeds import seed_generators

IMAGES, BATCH, EPOCHS = 6, 2, 3
STEPS = EPOCHS * IMAGES // BATCH
drawn: list[list[float]] = []
loaded: list[int] = []


def three_numbers() -> list[float]:
    """One of each library."""
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]


@DATASETS.register_module()
class DrawnTestData(Dataset):
    """Points: their number, and what was drawn where they were loaded."""

    def __len__(self):
        return IMAGES

    def __getitem__(self, index):
        loaded.append(index)
        return {"x": torch.tensor([float(index), *three_numbers()])}


@HOOKS.register_module()
class DrawingTestHook(Hook):
    """Notes the images of a step with what was drawn for them, and what the step itself draws."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        points = torch.stack(data_batch["x"]).flatten().tolist()
        drawn.append([*points, *three_numbers()])


class Trains:
    """Runs of one kind of loop, on a model that does not matter."""

    def __init__(self, tiny, folder, endless: bool, sampler: str, **changes) -> None:
        length = dict(max_iters=STEPS) if endless else dict(max_epochs=EPOCHS)
        self.settings = dict(
            val_dataloader=None,
            val_cfg=None,
            val_evaluator=None,
            train_cfg=dict(by_epoch=not endless, **length),
            custom_hooks=[dict(type="DrawingTestHook")],
            default_hooks=dict(
                checkpoint=dict(type="CheckpointHook", interval=1, by_epoch=not endless)
            ),
            model=dict(type="LinearPointsTestModel"),
            **changes,
        )
        self.sampler, self.tiny, self.folder = sampler, tiny, folder

    def __call__(self, name: str, workers: int = 0, **stop: int) -> list[list[float]]:
        """The numbers of each step; a run of the same name is resumed."""
        loader = dict(
            dataset=dict(type="DrawnTestData"),
            sampler=dict(type=self.sampler, shuffle=True),
            batch_size=BATCH,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        cfg = self.tiny.config(
            self.folder / name, train_dataloader=loader, resume=True, **self.settings
        )
        drawn.clear()
        loaded.clear()
        np.random.rand(7)  # what was drawn before does not matter
        runner = Runner.from_cfg(cfg)
        if stop:
            train_and_stop(runner, **stop)
        else:
            runner.train()
        return list(drawn)


@pytest.fixture(autouse=True, scope="module")
def model():
    from mmengine.model import BaseModel
    from mmengine.registry import MODELS

    class LinearPointsTestModel(BaseModel):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(4, 1)

        def forward(self, x, mode="tensor"):
            return {"loss": self.fc(torch.stack(x)).square().mean()}

    MODELS.register_module(module=LinearPointsTestModel, force=True)


KINDS = {
    "epochs": (False, "DefaultSampler"),
    "iterations": (True, "InfiniteSampler"),
    "iterations of epochs": (True, "DefaultSampler"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_stops_and_workers_do_not_change_what_is_drawn(tiny, tmp_path, kind, monkeypatch):
    monkeypatch.setattr("mmengine.runner.loops.time.sleep", lambda seconds: None)
    train = Trains(tiny, tmp_path, *KINDS[kind])
    whole = train("whole")
    assert len(whole) == STEPS
    numbers = [number for step in whole for place, number in enumerate(step) if place not in (0, 4)]
    assert len(set(numbers)) == STEPS * 9  # nothing is drawn twice
    assert train("workers", workers=2) == whole
    parts = train("parts", steps=4, workers=2)  # in the middle of the second epoch
    parts += train("parts", steps=6)  # at the end of one
    assert len(loaded) <= BATCH * 2  # no image of an earlier step was opened
    parts += train("parts", steps=8, workers=1) + train("parts")
    assert parts == whole


def test_a_run_without_a_seed_keeps_the_one_that_was_drawn_for_it(tiny, tmp_path):
    train = Trains(tiny, tmp_path, *KINDS["epochs"], randomness=dict(seed=None))
    first = train("parts", steps=4)
    seeds = torch.load(tmp_path / "parts" / "epoch_step_4.pth", weights_only=True)["meta"]["seed"]
    parts = first + train("parts")
    again = Trains(tiny, tmp_path, *KINDS["epochs"], randomness=dict(seed=seeds))
    assert again("whole") == parts


def test_streams_are_independent_and_ranks_and_uses_differ():
    seen = set()
    for entropy in [(3, 1, 0, 0), (3, 1, 0, 1), (3, 1, 1, 0), (3, 2, 0, 0), (4, 1, 0, 0)]:
        seed_generators(*entropy)
        seen |= set(three_numbers())
        seed_generators(*entropy)
        assert set(three_numbers()) <= seen
    assert len(seen) == 15
