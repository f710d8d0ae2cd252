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
from tricklift.tricks import (
    GROUPS,
    described,
    known,
    load,
    refuse_clashes,
    split_names,
    tasks_in,
    use,
)

FULL = "configs/cls/full/resnet50_b-standard.py"


@pytest.fixture
def baseline(repo: Path) -> Config:
    return Config.fromfile(repo / FULL)


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


def leaf_of(repo: Path, folder: Path, above: str, names: str, below: str) -> Path:
    """A leaf over the full baseline with these lines about its `use` line."""
    leaf = folder / "leaf.py"
    line = f"globals().update(use(_base_, {names}))"
    head = f"_base_ = [{str(repo / FULL)!r}]\nfrom tricklift.tricks import use\n"
    leaf.write_text(f"{head}{above}\n{line}\n{below}\n")
    return leaf


def test_tricks_see_what_a_leaf_sets_above_them(repo: Path, tmp_path: Path):
    lines = "train_cfg = dict(max_epochs=30)\nwarmup_epochs = 2"
    cfg = load(leaf_of(repo, tmp_path, lines, "'warmup', 'cosine'", ""))
    assert [(s.begin, s.end) for s in cfg.param_scheduler] == [(0, 2), (2, 30)]
    assert cfg.train_cfg.max_epochs == 30 and cfg.train_cfg.val_interval == 1
    # By hand: the last of 28 x 10 iterations after 20 of warmup.
    last = rates(cfg, per_epoch=10, lr=0.4)[-1]
    assert last == pytest.approx(0.2 * (1 + math.cos(279 / 280 * math.pi)), abs=1e-9)


def test_lengths_that_tricks_do_not_see_are_refused(repo: Path, tmp_path: Path):
    lines = "train_cfg = dict(max_epochs=30)"
    leaf = leaf_of(repo, tmp_path, "", "'warmup', 'cosine'", lines)
    with pytest.raises(ValueError, match=r"'cosine' goes from epoch 5 to 120, but .* for 5 to 30"):
        load(leaf)
    leaf = leaf_of(repo, tmp_path, "", "'warmup'", "warmup_epochs = 3")
    with pytest.raises(ValueError, match=r"'warmup' goes from epoch 0 to 5, but .* for 0 to 3"):
        load(leaf)
    both = "train_cfg['max_epochs'] = 30\nparam_scheduler[-1]['end'] = 30"
    cfg = load(leaf_of(repo, tmp_path, "", "'warmup', 'mixup', 'cosine'", both))
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[-1].end) == (30, 30)


@pytest.mark.parametrize(
    ("leaf", "name"),
    [
        ("cls/full/resnet50_b-standard", "resnet_b"),
        ("cls/full/resnet50_b-standard", "xavier_init"),
        ("cls/mini/resnet18_b-baseline", "mixed_precision"),
        ("det/full/faster_rcnn_c4", "linear_scaling"),
    ],
)
def test_a_trick_that_changes_nothing_is_no_row(repo: Path, leaf: str, name: str):
    want = f"trick '{name}' would change nothing here: the config below it does the same already"
    with pytest.raises(ValueError, match=want):
        load(repo / "configs" / f"{leaf}.py", [name])
    # The members of a group come together, whatever is there of them.
    if name == "mixed_precision":
        assert name in load(repo / "configs" / f"{leaf}.py", ["efficient"]).tricks


def test_a_config_without_warmup_epochs(repo: Path):
    leaf = repo / "configs" / "cls" / "mini" / "resnet18_b-adamw.py"
    for name in ("warmup", "cosine"):
        want = rf"trick '{name}': this config .*for how many epochs.* add warmup_epochs = 5"
        with pytest.raises(ValueError, match=want):
            load(leaf, [name])


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


def test_command_line_tricks_are_more_names_in_the_leafs_line(repo: Path, tmp_path: Path):
    """`--tricks mixup` on a leaf with cosine: mixup goes below it, and cosine fills its epochs."""
    base = repo / FULL
    line = 'globals().update(use(_base_, "resnet_d", "warmup", "cosine"{}))'
    for name, more in (("short", ""), ("long", ', "mixup", "ema"')):
        text = f"_base_ = [{str(base)!r}]\nfrom tricklift.tricks import use\n{line.format(more)}\n"
        (tmp_path / f"{name}.py").write_text(text)
    laid = load(tmp_path / "short.py", ["ema", "mixup"])
    written = load(tmp_path / "long.py")
    assert laid.row == "B-standard + mixup + ema"
    assert laid.param_scheduler[-1].end == 200
    laid.row = written.row
    assert laid.to_dict() == written.to_dict()
    # And nothing is left over for the next config that is read.
    assert load(tmp_path / "short.py").tricks == ["resnet_d", "warmup", "cosine"]


def test_command_line_tricks_on_a_leaf_below_another(repo: Path, tmp_path: Path):
    """The `use` line may stand in a file below; what the leaf sets over it stays."""
    leaf = tmp_path / "leaf.py"
    below = repo / "configs" / "cls" / "full" / "resnet50_d-efficient.py"
    leaf.write_text(f"_base_ = [{str(below)!r}]\nrow = 'mine'\nrandomness = dict(seed=9)\n")
    cfg = load(leaf, ["cosine"])
    assert (cfg.row, cfg.randomness.seed) == ("mine + cosine", 9)
    assert cfg.tricks[-1] == "cosine" and "warmup" in cfg.tricks
    assert [item.type for item in cfg.param_scheduler] == ["LinearLR", "CosineAnnealingLR"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["warmup"],
            r"trick 'warmup' \(group 'efficient' has it\) is on already: the config has resnet_d",
        ),
        (["resnet_c"], r"tricks 'resnet_c' and 'resnet_d' cannot be combined: both set model"),
        (["ema", "ema"], r"trick 'ema' is named 2 times"),
        (["emma"], r"unknown trick 'emma'; known: .*; did you mean 'ema'"),
    ],
)
def test_command_line_tricks_that_do_not_fit_the_leafs(repo: Path, names, message):
    with pytest.raises(ValueError, match=message):
        load(repo / "configs" / "cls" / "full" / "resnet50_d-efficient.py", names)
    assert load(repo / FULL).tricks == []


def test_a_group_stands_for_its_members(repo: Path, baseline: Config):
    members = GROUPS["efficient"]
    assert set(members) <= set(known()) and "efficient" not in known()
    base = baseline.to_dict()
    assert use(base, "resnet_d", "efficient") == use(base, "resnet_d", *members)
    cfg = load(repo / FULL, ["cosine", "efficient"])
    assert cfg.tricks == sorted((*members, "cosine"), key=known().index)
    assert cfg.row == "B-standard + efficient + cosine"
    last = described()[-1]
    assert last[:2] == ("efficient", ("cls",)) and "All of linear_scaling, warmup" in last[2]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["efficient", "warmup"], r"trick 'warmup' \(group 'efficient' has it\) is named 2 times"),
        (["eficient"], r"unknown trick 'eficient'; known: .*, efficient; did you mean 'efficient'"),
    ],
)
def test_a_group_that_cannot_be(baseline: Config, names, message):
    with pytest.raises(ValueError, match=message):
        use(baseline.to_dict(), *names)


def test_a_group_whose_member_is_on_already(repo: Path):
    want = r"trick 'linear_scaling' \(group 'efficient' has it\) is on already: the config has res"
    with pytest.raises(ValueError, match=want):
        load(repo / "configs" / "cls" / "full" / "resnet50_d-cosine.py", ["efficient"])


def test_names_on_the_command_line():
    assert split_names("ema, mixup") == ["ema", "mixup"]
    assert split_names(None) == split_names("") == []


def test_a_second_layer_of_tricks_is_refused(repo: Path):
    cfg = load(repo / "configs" / "cls" / "full" / "resnet50_d-efficient.py")
    with pytest.raises(ValueError, match=r"has tricks already \(resnet_d, .*in one line: use"):
        use(cfg.to_dict(), "cosine")


def test_a_line_that_use_would_replace_is_refused(repo: Path, tmp_path: Path):
    above, below = "optim_wrapper = dict(clip_grad=dict(max_norm=1))", "optim_wrapper['x'] = 1"
    with pytest.raises(ValueError, match=r"sets optim_wrapper above its use\(...\) line"):
        load(leaf_of(repo, tmp_path, above, "'no_bias_decay'", ""))
    cfg = load(leaf_of(repo, tmp_path, "", "'no_bias_decay'", below))
    assert cfg.optim_wrapper.x == 1 and cfg.optim_wrapper.optimizer.lr == 0.1


@pytest.mark.parametrize(
    "name",
    [
        *("mixup", "warmup", "cosine", "label_smoothing", "distillation"),
        *("zero_gamma", "no_bias_decay", "xavier_init", "kaiming_init"),
    ],
)
@pytest.mark.parametrize(("task", "words"), [("det", "detection"), ("seg", "segmentation")])
def test_a_trick_of_classification_is_refused_elsewhere(repo: Path, name, task, words):
    leaf = {"det": "det/mini/faster_rcnn_fpn", "seg": "seg/mini/fcn"}[task]
    want = f"trick '{name}' is for classification configs, but this one is for {words}"
    with pytest.raises(ValueError, match=want):
        load(repo / "configs" / f"{leaf}.py", [name])


def test_hooks_of_several_tricks_stand_side_by_side(baseline: Config):
    cfg = resolved(baseline, "early_stopping", "ema", "distillation")
    assert [hook.type for hook in cfg.custom_hooks] == [
        "ResultHook",
        "TeacherCacheHook",
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
        use(base, name)


@pytest.mark.parametrize(("epochs", "fits"), [(1, False), (4, False), (5, True)])
def test_early_stopping_needs_room_to_end_early(baseline: Config, epochs, fits):
    """The first validation is a rise and three without one follow: a fifth can be left out."""
    baseline.train_cfg.max_epochs = epochs
    if fits:
        assert use(baseline.to_dict(), "early_stopping")["custom_hooks"][-1]["patience"] == 3
        return
    with pytest.raises(
        ValueError, match=rf"nothing early: train_cfg.max_epochs={epochs} .* set max_epochs to 5"
    ):
        use(baseline.to_dict(), "early_stopping")


def test_a_trick_says_which_tasks_it_is_for(repo: Path):
    folder = repo / "configs" / "_base_" / "tricks"
    assert tasks_in(folder / "mixup.py") == ("cls",)
    assert tasks_in(folder / "ema.py") == ("cls", "det", "seg")
