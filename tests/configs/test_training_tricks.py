"""What tricks of training set, and the rates that come out."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from laid import decaying, rates, resolved
from mmengine.config import Config

import cls  # noqa: F401  (registers the parts)
from tricklift.tricks import lay, load


def test_baseline_steps_at_30_60_90(baseline: Config):
    got = rates(baseline, per_epoch=10, lr=0.1)
    assert len(got) == 1200
    for epoch, want in ((0, 0.1), (29, 0.1), (30, 0.01), (60, 1e-3), (90, 1e-4), (119, 1e-4)):
        assert got[epoch * 10] == pytest.approx(want, abs=1e-9)


def test_warmup_rises_from_0_in_every_iteration(baseline: Config):
    got = rates(resolved(baseline, "warmup"), per_epoch=10, lr=0.4)
    assert got[0] == pytest.approx(0, abs=1e-9)
    # 50 iterations of warmup: the rate at iteration t is 0.4 t / 50 ... up to the first after it.
    rises = [b - a for a, b in itertools.pairwise(got[:50])]
    assert rises == pytest.approx([rises[0]] * 49, abs=1e-9)
    assert got[50:300] == pytest.approx([0.4] * 250, abs=1e-9)


def test_cosine_after_warmup_is_the_papers_equation(baseline: Config):
    got = rates(resolved(baseline, "cosine", "warmup"), per_epoch=10, lr=0.4)
    total = 1150  # iterations after warmup
    for t in (0, 1, 300, 575, 1000, 1149):
        want = 0.5 * (1 + math.cos(t * math.pi / total)) * 0.4
        assert got[50 + t] == pytest.approx(want, abs=1e-9)


def test_gradient_clipping_cuts_the_whole_norm_to_5(baseline: Config):
    clip = resolved(baseline, "gradient_clipping").optim_wrapper.clip_grad
    assert dict(clip) == {"max_norm": 5.0, "norm_type": 2}


def test_mixup_lengthens_training_and_cosine_follows(baseline: Config):
    cfg = resolved(baseline, "warmup", "cosine", "mixup")
    assert cfg.train_cfg.max_epochs == 200
    assert cfg.param_scheduler[-1].end == 200
    assert cfg.model.mixup.alpha == 0.2


def test_mixup_moves_the_steps_of_a_rate_without_cosine(baseline: Config):
    """30, 60 and 90 of 120 epochs are 50, 100 and 150 of 200."""
    cfg = resolved(baseline, "mixup")
    assert cfg.param_scheduler[0].milestones == [50, 100, 150]
    assert rates(cfg, per_epoch=1, lr=1.0)[148:151] == pytest.approx([1e-2, 1e-2, 1e-3])


def test_a_config_without_warmup_epochs(repo: Path):
    leaf = repo / "configs" / "cls" / "mini" / "resnet18_b-adamw.py"
    for name in ("warmup", "cosine"):
        want = rf"trick '{name}': this config .*for how many epochs.* add warmup_epochs = 5"
        with pytest.raises(ValueError, match=want):
            load(leaf, [name])


def test_no_bias_decay_leaves_the_weights_of_convolutions_and_the_head(baseline: Config):
    cfg = resolved(baseline, "no_bias_decay", "resnet_d", "zero_gamma")
    model, decayed = decaying(cfg)
    want = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)
    }
    assert decayed == want
    # 3 + 1 in the stem and the head; 16 blocks of 3; a shortcut in each of 4 stages.
    assert len(decayed) == 3 + 1 + 16 * 3 + 4
    assert model.backbone.stages[2][4].norm3.weight.abs().sum() == 0


def test_linear_scaling_and_resnet_d_set_what_they_say(baseline: Config):
    cfg = resolved(baseline, "linear_scaling", "resnet_d", "label_smoothing", "mixed_precision")
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=256)
    assert cfg.model.backbone.name == "resnet50_d"
    assert cfg.model.label_smoothing == dict(eps=0.1, form="paper")
    assert cfg.optim_wrapper.type == "AmpOptimWrapper"
    assert cfg.optim_wrapper.optimizer.lr == 0.1
    assert cfg.tricks == ["resnet_d", "linear_scaling", "mixed_precision", "label_smoothing"]


def test_hooks_of_several_tricks_stand_side_by_side(baseline: Config):
    cfg = resolved(baseline, "early_stopping", "ema", "distillation")
    assert [hook.type for hook in cfg.custom_hooks] == [
        "ResultHook",
        "EMAHook",
        "ResumableEarlyStopping",
    ]


def test_distillation_is_the_papers(baseline: Config):
    cfg = resolved(baseline, "distillation")
    assert cfg.model.distillation.teacher == dict(name="resnet152_d", checkpoint=None)
    assert (cfg.model.distillation.temperature, cfg.model.distillation.form) == (20.0, "paper")


@pytest.mark.parametrize(
    ("leaf", "monitor", "rise", "interval", "patience", "checkpoint"),
    [
        # 120 epochs, validated each: a quarter is 30.
        ("cls/full/resnet50_b-standard", "accuracy/top1", 0.1, 1, 30, 1),
        # 7 epochs: a tenth is under 1, a quarter under 3.
        ("det/small/faster_rcnn_fpn", "pascal_voc/mAP", 0.001, 1, 3, 1),
        # 150 iterations: every 15, of which 10; a checkpoint where it may stop.
        ("seg/mini/fcn", "mIoU", 0.1, 15, 3, 15),
    ],
)
def test_early_stopping_watches_the_tasks_metric(
    repo: Path, leaf, monitor, rise, interval, patience, checkpoint
):
    cfg = load(repo / "configs" / f"{leaf}.py", ["early_stopping"])
    hook = cfg.custom_hooks[-1]
    assert (hook.monitor, hook.min_delta, hook.patience) == (monitor, rise, patience)
    assert cfg.train_cfg.val_interval == interval
    assert cfg.default_hooks.checkpoint.interval == checkpoint


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "gradient_clipping",
            {"optim_wrapper": {"clip_grad": {"max_norm": 35}}},
            r"clips already, optim_wrapper.clip_grad=\{'max_norm': 35\}; change that with --cfg",
        ),
        ("linear_scaling", {"auto_scale_lr": {}}, r"add auto_scale_lr=dict\(base_batch_size"),
        ("early_stopping", {"benchmark": {}}, r"needs benchmark=dict\(task=cls\|det\|seg"),
        (
            "resnet_d",
            {"model": {"backbone": {"name": "timm/inception_v3"}}},
            r"names end in _a, _b, _c or _d; the config's backbone is 'timm/inception_v3'",
        ),
    ],
)
def test_a_config_that_has_no_place_for_a_trick(baseline: Config, name, change, message):
    base = {**baseline.to_dict(), **change}
    with pytest.raises(ValueError, match=message):
        lay(base, [name])


@pytest.mark.parametrize(("epochs", "fits"), [(1, False), (4, False), (5, True)])
def test_early_stopping_needs_room_to_end_early(baseline: Config, epochs, fits):
    """The first validation is a rise and three without one follow: a fifth can be left out."""
    baseline.train_cfg.max_epochs = epochs
    if fits:
        assert lay(baseline.to_dict(), ["early_stopping"])["custom_hooks"][-1]["patience"] == 3
        return
    with pytest.raises(
        ValueError, match=rf"nothing early: train_cfg.max_epochs={epochs} .* set max_epochs to 5"
    ):
        lay(baseline.to_dict(), ["early_stopping"])
