"""Tricks laid over configs: what they set, what they refuse, and the rates that come out."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, PARAM_SCHEDULERS

import cls  # noqa: F401  (registers the parts)
from tricklift.tricks import known, refuse_clashes, use


@pytest.fixture
def baseline(repo: Path) -> Config:
    return Config.fromfile(repo / "configs" / "cls" / "full" / "resnet50_b-standard.py")


def resolved(cfg: Config, *names: str) -> Config:
    cfg.merge_from_dict(use(cfg.to_dict(), *names))
    return cfg


def rates(cfg: Config, per_epoch: int, lr: float) -> list[float]:
    """The rate of every iteration, by mmengine's own schedulers on a real optimizer."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedulers = []
    for item in cfg.param_scheduler:
        item = dict(item)
        kind = PARAM_SCHEDULERS.get(item.pop("type"))
        if item.pop("convert_to_iter_based", False):
            schedulers.append(
                kind.build_iter_from_epoch(optimizer=optimizer, epoch_length=per_epoch, **item)
            )
        else:
            schedulers.append(kind(optimizer=optimizer, **item))
    seen = []
    for step in range(cfg.train_cfg.max_epochs * per_epoch):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for scheduler in schedulers:
            if not scheduler.by_epoch or (step + 1) % per_epoch == 0:
                scheduler.step()
    return seen


def test_every_trick_has_its_piece_and_its_place(repo: Path):
    files = {file.stem for file in (repo / "configs" / "_base_" / "tricks").glob("*.py")}
    assert files == set(known())


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


def test_mixup_lengthens_training_and_cosine_follows(baseline: Config):
    cfg = resolved(baseline, "warmup", "cosine", "mixup")
    assert cfg.train_cfg.max_epochs == 200
    assert cfg.param_scheduler[-1].end == 200
    assert cfg.model.mixup.alpha == 0.2


def test_no_bias_decay_leaves_the_weights_of_convolutions_and_the_head(baseline: Config):
    cfg = resolved(baseline, "no_bias_decay", "resnet_d", "zero_gamma")
    model = MODELS.build(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    named = {id(p): name for name, p in model.named_parameters()}
    groups = wrapper.optimizer.param_groups
    decayed = {named[id(p)] for g in groups if g["weight_decay"] for p in g["params"]}
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


def test_the_base_is_not_changed(baseline: Config):
    before = baseline.to_dict()
    use(before, "warmup", "mixup", "no_bias_decay")
    assert before == baseline.to_dict()


def test_leaf_line_and_command_line_agree(repo: Path):
    leaf = Config.fromfile(repo / "configs" / "cls" / "full" / "resnet50_d-efficient.py")
    base = Config.fromfile(repo / "configs" / "cls" / "full" / "resnet50_b-standard.py")
    resolved(base, *leaf.tricks)
    for key in ("model", "optim_wrapper", "param_scheduler", "auto_scale_lr", "train_cfg"):
        assert base[key] == leaf[key]


def test_unknown_trick(baseline: Config):
    with pytest.raises(ValueError, match=r"unknown trick 'mixpu'; known: .*; did you mean 'mixup'"):
        use(baseline.to_dict(), "mixpu")


def test_same_trick_twice(baseline: Config):
    with pytest.raises(ValueError, match="trick 'mixup' is named 2 times"):
        use(baseline.to_dict(), "mixup", "cosine", "mixup")


@pytest.mark.parametrize(
    ("first", "second", "key"),
    [
        ("resnet_c", "resnet_d", "model.backbone.name"),
        ("xavier_init", "kaiming_init", "model.backbone.init"),
    ],
)
def test_clash_names_both(baseline: Config, first: str, second: str, key: str):
    with pytest.raises(ValueError, match=f"tricks '{first}' and '{second}' cannot.*both set {key}"):
        use(baseline.to_dict(), second, first)


def test_equal_settings_do_not_clash():
    set_by: dict = {}
    refuse_clashes("a", {"model": {"x": 1}}, set_by)
    refuse_clashes("b", {"model": {"x": 1}}, set_by)
    with pytest.raises(ValueError, match="tricks 'b' and 'c'"):
        refuse_clashes("c", {"model": {"x": 2}}, set_by)
