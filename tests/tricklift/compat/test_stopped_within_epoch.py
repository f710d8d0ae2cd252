"""Runs of epochs that were stopped within one; `test_stop_signals` has how they end."""

import os
import signal

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner

from tricklift.records.atomic import read_json

ANSWER = {"accuracy/top1": 50.0}


def loader(workers: int = 0, batch_size: int = 1) -> dict:
    """Four images in an order that each epoch draws."""
    return dict(
        dataset=dict(type="PointsTestData"),
        sampler=dict(type="DefaultSampler", shuffle=True),
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


class Sees(Hook):
    """Keeps which images the steps had, in their order; may stop the run after some steps."""

    def __init__(self, stop: int = 0) -> None:
        self.images: list[float] = []
        self.stop = stop

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.images += [float(x[0]) for x in data_batch["x"]]
        if runner.iter + 1 == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)


def trained(cfg, stop: int = 0) -> list[float]:
    """The images of a run, which may be stopped after so many steps."""
    runner, sees = Runner.from_cfg(cfg), Sees(stop)
    runner.register_hook(sees)
    if stop:
        with pytest.raises(SystemExit):
            runner.train()
    else:
        runner.train()
    return sees.images


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("stop", [3, 6])
def test_no_image_is_left_out_or_seen_twice(tiny, tmp_path, workers, stop):
    def config(name: str, resume: bool = False):
        return tiny.config(tmp_path / name, resume=resume, train_dataloader=loader(workers))

    tiny.answer(*[ANSWER] * 6)
    whole = trained(config("whole"))
    assert sorted(whole[:4]) == sorted(whole[4:]) and len(whole) == 8
    assert trained(config("cut"), stop) + trained(config("cut", True)) == whole
    assert read_json(tmp_path / "cut" / "result.json")["iters"] == 8
