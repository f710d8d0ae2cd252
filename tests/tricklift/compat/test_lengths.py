"""A schedule ends with its training, in runs that any tool begins."""

import copy
import re
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from tricklift.compat import lengths
from tricklift.compat.safe_load import load_from_disk

ANSWER = {"accuracy/top1": 1.0}


def config(tiny, folder, length: int, *schedulers: dict[str, Any], **changes: Any) -> Config:
    """Four points in batches of two: two iterations an epoch."""
    loop = dict(by_epoch=True, max_epochs=length, val_interval=length)
    return tiny.config(folder, train_cfg=loop, param_scheduler=list(schedulers), **changes)


COSINE = dict(type="CosineAnnealingLR", by_epoch=True, convert_to_iter_based=True)
RAMP = dict(type="LinearLR", start_factor=0.1)


@pytest.mark.parametrize(
    ("schedulers", "words"),
    [
        ([{**COSINE, "T_max": 2, "end": 2}], "ends at iteration 4, .*max_epochs=4. at iteration 8"),
        ([{**COSINE, "T_max": 9, "end": 9}], "ends at iteration 18, .*=4. at iteration 8"),
        ([{**COSINE, "T_max": 2, "end": 4}], "ends at iteration 4, .* at iteration 8"),
        ([dict(type="PolyLR", end=2)], "PolyLR ends at epoch 2, .* at epoch 4"),
        ([dict(type="PolyLR", end=9, by_epoch=False)], "PolyLR ends at iteration 9"),
        ([dict(type="LinearLR", start_factor=1.0, end_factor=0.1, end=3)], "LinearLR ends at"),
        ([dict(type="ExponentialLR", gamma=0.9, end=3)], "ExponentialLR ends at epoch 3"),
        ([{**RAMP, "end": 1}, dict(type="PolyLR", begin=1, end=3)], "PolyLR ends at epoch 3"),
        ([dict(type="PolyLR", begin=6, end=9)], "PolyLR ends at epoch 9"),
    ],
    ids=lambda value: None,
)
def test_another_length_is_refused_in_any_run(tiny, tmp_path, schedulers, words):
    with pytest.raises(ValueError, match=words):
        Runner.from_cfg(config(tiny, tmp_path, 4, *schedulers)).train()
    assert not list(tmp_path.glob("*.pth"))


@pytest.mark.parametrize(
    "schedulers",
    [
        [],
        [COSINE | {"T_max": 4}],
        [{**RAMP, "end": 1}, {**COSINE, "begin": 1, "T_max": 3, "end": 4}],
        [{**RAMP, "end": 1, "by_epoch": False}, dict(type="PolyLR", by_epoch=False)],
        [dict(type="MultiStepLR", milestones=[1, 3])],
        [dict(type="StepLR", step_size=3)],
        # part of the curve, then another one to the end
        [dict(type="PolyLR", end=3), dict(type="ConstantLR", factor=1.0, begin=3, end=4)],
    ],
    ids=lambda value: None,
)
def test_a_schedule_of_the_trainings_length_runs(tiny, tmp_path, schedulers):
    assert tiny.train(config(tiny, tmp_path, 4, *schedulers), ANSWER)["status"] == "done"


def test_what_a_shorter_training_leaves_out_is_logged(tiny, tmp_path):
    steps = dict(type="MultiStepLR", milestones=[1, 9, 12])
    cfg = config(tiny, tmp_path, 2, {**RAMP, "by_epoch": False, "end": 50}, steps)
    cfg.log_level = "WARNING"
    tiny.train(cfg, ANSWER)
    (log,) = tmp_path.rglob("*.log")
    assert (
        "the milestones [9, 12] lie beyond the training, which ends after 2 ep" in log.read_text()
    )
    assert "the warmup takes 50 iterations, and the training ends after 4" in log.read_text()


def test_epochs_are_not_counted_in_a_training_by_iterations(tiny, tmp_path):
    cfg = config(tiny, tmp_path, 4, dict(type="MultiStepLR", milestones=[1]))
    cfg.train_cfg = dict(by_epoch=False, max_iters=4, val_interval=4)
    with pytest.raises(
        ValueError, match=r"counts epochs, and never moves .*max_iters=4; set by_ep"
    ):
        Runner.from_cfg(cfg).train()


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({**COSINE, "T_max": 2}, {**COSINE, "T_max": 4}, r"=4 \(iterations\), .* asks for 8"),
        (dict(type="PolyLR"), dict(type="PolyLR"), "PolyLR has end=2, and this config asks for 4"),
        (
            dict(type="MultiStepLR", milestones=[1]),
            dict(type="MultiStepLR", milestones=[3]),
            r"milestones=\[1\], and this config asks for \[3\]",
        ),
        # mmengine would not reach the milestone: the checkpoint's schedule ends at 2
        (
            dict(type="MultiStepLR", milestones=[3]),
            dict(type="MultiStepLR", milestones=[3]),
            "end=2",
        ),
        (dict(type="ExponentialLR", gamma=0.9), dict(type="StepLR", step_size=1), "end=2"),
    ],
    ids=lambda value: None,
)
def test_a_longer_training_is_not_resumed_on_the_old_schedule(tiny, tmp_path, first, second, words):
    tiny.train(config(tiny, tmp_path, 2, first), ANSWER)
    kept = {file.name for file in tmp_path.glob("*.pth")}
    with pytest.raises(ValueError, match=words):
        Runner.from_cfg(config(tiny, tmp_path, 4, second, resume=True)).train()
    assert {file.name for file in tmp_path.glob("*.pth")} == kept


def test_steps_that_stay_are_resumed_for_longer(tiny, tmp_path):
    steps = dict(type="MultiStepLR", milestones=[1])
    tiny.train(config(tiny, tmp_path, 2, steps), ANSWER)
    assert tiny.train(config(tiny, tmp_path, 4, steps, resume=True), ANSWER)["epochs"] == 4


def test_another_rate_is_not_lost_on_resume(tiny, tmp_path):
    poly = dict(type="PolyLR", end=2)
    tiny.train(config(tiny, tmp_path, 2, poly), ANSWER)
    other = config(tiny, tmp_path, 2, poly, resume=True)
    other.optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.2))
    with pytest.raises(
        ValueError, match=r"starts from 0.1, and this config asks for 0.2: a resumed"
    ):
        Runner.from_cfg(other).train()


def test_a_rate_is_scaled_once_however_often_a_run_is_resumed(tiny, tmp_path):
    """Four images a step for a rate of 0.1 at one: 0.4, not 1.6 after a resume, nor 6.4."""
    scaled = dict(enable=True, base_batch_size=1)
    loader = {**tiny.config(tmp_path).train_dataloader, "batch_size": 4}
    for epochs in (1, 2, 3):
        cfg = config(tiny, tmp_path, epochs, auto_scale_lr=scaled, train_dataloader=loader)
        cfg.resume = epochs > 1
        tiny.train(cfg, ANSWER)
        (group,) = load_from_disk(tmp_path / f"epoch_{epochs}.pth")["optimizer"]["param_groups"]
        assert group["lr"] == pytest.approx(0.4)
    runner = Runner.from_cfg(cfg)
    wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    for rate in (0.4, 1.6):  # the fault, planted: by itself, mmengine scales each time
        runner.scale_lr(wrapper, scaled)
        assert wrapper.param_groups[0]["lr"] == pytest.approx(rate)


def test_another_number_of_processes_is_asked_for(tiny, tmp_path):
    tiny.train(config(tiny, tmp_path, 2), ANSWER)
    file = tmp_path / "epoch_2.pth"
    held = load_from_disk(file)
    assert held["meta"]["world_size"] == 1
    held["meta"]["world_size"] = 2
    torch.save(held, file)
    cfg = config(tiny, tmp_path, 4, resume=True)
    with pytest.raises(ValueError, match=re.escape("trained by 2 processes, and this run has 1")):
        Runner.from_cfg(copy.deepcopy(cfg)).train()
    cfg[lengths.OTHER_WORLD_SIZE] = True
    cfg.experiment_name += "again"
    result = tiny.train(cfg, ANSWER)
    assert result["epochs"] == 4
    assert result["resume_notes"] == ["iteration 4: 2 processes before, and 1 from there on"]
