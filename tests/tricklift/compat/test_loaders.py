"""What reads for a run ends with it: no process is left to whoever collects garbage next."""

import gc
import multiprocessing
import time

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner

LOADER = dict(
    dataset=dict(type="PointsTestData"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    batch_size=2,
    num_workers=1,
    persistent_workers=True,
)
LOADERS = dict(train_dataloader=LOADER, val_dataloader=LOADER)
LOOPS = {
    "by epochs": dict(by_epoch=True, max_epochs=2, val_interval=1),
    "by iterations": dict(by_epoch=False, max_iters=4, val_interval=4),
}
ANSWERS = ({"accuracy/top1": 1.0},) * 2


@pytest.fixture
def processes():
    """Asks for the processes that the test began; an earlier test may have left its own."""
    before = set(multiprocessing.active_children())
    return lambda: set(multiprocessing.active_children()) - before


class Fails(Hook):
    """Ends a training after its first step."""

    def __init__(self, processes):
        self._processes = processes

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        assert self._processes()
        raise ZeroDivisionError


@pytest.mark.parametrize("loop", LOOPS)
def test_a_training_leaves_no_process(tiny, tmp_path, processes, loop):
    cfg = tiny.config(tmp_path, **LOADERS, train_cfg=LOOPS[loop])
    tiny.answer(*ANSWERS)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert not processes()
    del runner
    begun = time.monotonic()
    gc.collect()
    assert time.monotonic() - begun < 4  # torch waits 5 seconds for a process that it lost


def test_nor_does_one_that_fails(tiny, tmp_path, processes):
    runner = Runner.from_cfg(tiny.config(tmp_path, **LOADERS))
    runner.register_hook(Fails(processes))
    with pytest.raises(ZeroDivisionError):
        runner.train()
    assert not processes()


def test_a_loader_that_is_used_again_reads_as_before(tiny, tmp_path, processes):
    tiny.answer(*ANSWERS, *ANSWERS)
    runner = Runner.from_cfg(tiny.config(tmp_path, **LOADERS))
    runner.train()
    assert runner.val() == runner.val() == ANSWERS[0]
    assert not processes()
