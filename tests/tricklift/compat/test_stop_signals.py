"""Trainings that get a signal: where they stop, what they save, and that a resume ends the same."""

import multiprocessing
import os
import re
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from two_processes import in_two_processes

from tricklift.compat.stop_signals import StopSignals
from tricklift.errors import STOPPED
from tricklift.records.atomic import read_json


class Tells(Hook):
    """Sends this process a signal at a moment of its training, such as ("train_iter", 3)."""

    priority = "VERY_HIGH"

    def __init__(self, moment: str, at: int, number: int = signal.SIGTERM) -> None:
        self.moment, self.at, self.number, self.validations = moment, at, number, 0

    def _tell(self, moment: str, at: int) -> None:
        if (moment, at) == (self.moment, self.at):
            os.kill(os.getpid(), self.number)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._tell("train_iter", runner.iter)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._tell("val_iter", batch_idx)

    def after_val_epoch(self, runner, metrics=None):
        self.validations += 1


def settings(by_epoch: bool) -> dict:
    """A linear layer, four steps of one image each an epoch; EMA, so that weights are swapped."""
    loader = dict(
        dataset=dict(type="PointsTestData"),
        sampler=dict(type="DefaultSampler", shuffle=False)
        if by_epoch
        else dict(type="InfiniteSampler", shuffle=False),
        batch_size=1,
    )
    validates = dict(loader, sampler=dict(type="DefaultSampler", shuffle=False))
    length = dict(max_epochs=2) if by_epoch else dict(max_iters=8)
    return dict(
        train_dataloader=loader,
        val_dataloader=validates,
        train_cfg=dict(by_epoch=by_epoch, val_interval=1 if by_epoch else 4, **length),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.01, momentum=0.9)),
        param_scheduler=[dict(type="PolyLR", by_epoch=False, begin=0, end=8)],
        default_hooks=dict(
            checkpoint=dict(type="CheckpointHook", by_epoch=by_epoch, interval=4, max_keep_ckpts=1)
        ),
        custom_hooks=[dict(type="ResultHook"), dict(type="EMAHook")],
    )


ANSWER = {"accuracy/top1": 50.0}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_stops_at_the_next_step_with_a_checkpoint(tiny, tmp_path, number, capsys):
    before = signal.getsignal(number)
    runner = Runner.from_cfg(tiny.config(tmp_path, **settings(True)))
    runner.register_hook(Tells("train_iter", 1, number))
    with pytest.raises(SystemExit) as end:
        runner.train()
    assert end.value.code == STOPPED
    file = tmp_path / "stopped_iter_2.pth"
    assert (tmp_path / "last_checkpoint").read_text() == str(file)
    meta = torch.load(file, weights_only=False)["meta"]
    assert (meta["epoch"], meta["iter"]) == (0, 2)
    result = read_json(tmp_path / "result.json")
    assert result["status"] == "running" and result["wall_seconds"] > 0
    assert f"stopped by {signal.Signals(number).name}; a checkpoint is saved; add --resume" in (
        capsys.readouterr().err
    )
    signal.signal(number, before)


def weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    held = torch.load(folder / name, weights_only=False)
    return {**held["state_dict"], **{f"ema.{k}": v for k, v in held["ema_state_dict"].items()}}


@pytest.mark.parametrize(
    ("by_epoch", "moment", "at", "stops_at"),
    [
        (False, "train_iter", 1, 2),
        (False, "train_iter", 3, 4),  # the validation that follows is left at once
        (False, "val_iter", 1, 4),
        (True, "train_iter", 1, 2),  # within an epoch
        (True, "train_iter", 6, 7),
        (True, "train_iter", 3, 4),  # at the end of an epoch
        (True, "val_iter", 0, 4),
    ],
)
def test_a_resumed_run_ends_like_one_in_one_piece(tiny, tmp_path, by_epoch, moment, at, stops_at):
    last = "epoch_2.pth" if by_epoch else "iter_8.pth"
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    tiny.train(tiny.config(whole, **settings(by_epoch)), *[ANSWER] * 2)
    tiny.answer(*[ANSWER] * 3)
    runner = Runner.from_cfg(tiny.config(cut, **settings(by_epoch)))
    runner.register_hook(Tells(moment, at))
    with pytest.raises(SystemExit):
        runner.train()
    assert (cut / f"stopped_iter_{stops_at}.pth").is_file()
    runner = Runner.from_cfg(tiny.config(cut, resume=True, **settings(by_epoch)))
    runner.train()
    assert read_json(cut / "result.json")["status"] == "done"
    expected, found = weights(whole, last), weights(cut, last)
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        assert torch.equal(value, found[key]), key
    assert not list(cut.glob("stopped_*"))  # it is behind


class Forks(Hook):
    """Starts a pool of processes in a training and ends it, as mmdet's evaluation does."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for _ in range(3):  # at any moment of their start
            with multiprocessing.get_context("fork").Pool(4) as pool:  # leaving it sends SIGTERM
                assert pool.map(abs, [-1]) == [1]


def test_processes_that_a_training_forks_end_by_a_signal_as_ever(tiny, tmp_path):
    tiny.answer(ANSWER, ANSWER)
    runner = Runner.from_cfg(tiny.config(tmp_path, **settings(True)))
    runner.register_hook(Forks())
    runner.train()


def fails_beside_workers() -> None:
    loader = Runner.build_dataloader({**settings(True)["train_dataloader"], **WORKERS}, seed=0)
    batches = iter(loader)  # as a loop by iterations holds it, from before the training on
    next(batches)
    raise ValueError


WORKERS = dict(num_workers=2, persistent_workers=True)


def test_a_process_that_fails_does_not_wait_for_its_data_workers(tiny):
    """They outlive the one SIGTERM that Python sends them, and it would wait for ever."""
    child = multiprocessing.get_context("fork").Process(target=fails_beside_workers)
    child.start()
    child.join(30)
    ended = child.exitcode
    child.kill()
    assert ended == 1


def test_two_signals_are_one(tiny, tmp_path):
    runner = Runner.from_cfg(tiny.config(tmp_path, **settings(True)))
    runner.register_hook(Tells("train_iter", 1, signal.SIGTERM))
    runner.register_hook(Tells("train_iter", 1, signal.SIGUSR1))
    with pytest.raises(SystemExit) as end:
        runner.train()
    assert end.value.code == STOPPED


def test_after_a_training_signals_do_what_they_did(tiny, tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
    tiny.train(tiny.config(tmp_path, **settings(True)), ANSWER, ANSWER)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)] == before
    assert any(
        isinstance(hook, StopSignals)
        for hook in Runner.from_cfg(tiny.config(tmp_path / "b", **settings(True))).hooks
    )


TRAINS = """
import importlib.util, sys

sys.path[:0] = sys.argv[3:]
spec = importlib.util.spec_from_file_location("tiny_runs", sys.argv[2])
conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conftest)
from test_stop_signals import ANSWER, Tells, settings
from mmengine.dist import get_rank
from mmengine.runner import Runner

tiny = conftest.TinyRuns()
cfg = tiny.config(sys.argv[1], launcher="pytorch", **settings(False))
cfg.custom_hooks = [dict(type="ResultHook")]
tiny.answer(ANSWER, ANSWER)
runner = Runner.from_cfg(cfg)
if get_rank() == 1:
    runner.register_hook(Tells("train_iter", 2))
try:
    runner.train()
except SystemExit as end:
    print(f"rank {get_rank()} ended at {runner.iter} with {end.code}", flush=True)
"""


@pytest.mark.slow
def test_all_processes_stop_at_the_same_step_whoever_got_the_signal(tmp_path):
    (tmp_path / "trains.py").write_text(TRAINS)
    here = Path(__file__).parent
    folders = (here, here.parents[1] / "helpers")
    parts = (tmp_path / "trains.py", tmp_path / "run", here.parent / "conftest.py", *folders)
    said = in_two_processes(*parts)
    ended = re.findall(rf"rank ([01]) ended at (\d+) with {STOPPED}", said)  # lines may be mixed
    assert sorted(rank for rank, _ in ended) == ["0", "1"], said
    assert len({step for _, step in ended}) == 1, said
    (saved,) = (tmp_path / "run").glob("stopped_iter_*.pth")
    assert (tmp_path / "run" / "last_checkpoint").read_text() == str(saved)


def test_other_forks_of_a_training_end_as_ever(tmp_path):
    """Such as the processes of mmdet's evaluation, whose pool waits for them after its SIGTERM."""
    hook, runner = StopSignals(), SimpleNamespace(work_dir=str(tmp_path))
    hook.before_train(runner)
    try:
        context = multiprocessing.get_context("fork")
        begun = context.Event()
        fork = context.Process(target=lambda: (begun.set(), time.sleep(60)))
        fork.start()
        assert begun.wait(20)  # Python drops a signal that comes while it forks
        fork.terminate()
        fork.join(timeout=20)
        assert fork.exitcode == -signal.SIGTERM
        os.kill(os.getpid(), signal.SIGTERM)
        assert hook.told == signal.SIGTERM
    finally:
        hook.after_train(runner)
