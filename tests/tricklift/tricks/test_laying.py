"""Tricks laid over configs, by a line of the leaf and by the command line."""

from pathlib import Path

import pytest
from laid import FULL, resolved
from mmengine.config import Config

import cls  # noqa: F401  (registers the parts)
from tricklift.tricks import lay, load


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


def test_the_base_is_not_changed(baseline: Config):
    before = baseline.to_dict()
    lay(before, ["warmup", "mixup", "no_bias_decay"])
    assert before == baseline.to_dict()


def test_leaf_line_and_command_line_agree(repo: Path):
    leaf = Config.fromfile(repo / "configs" / "cls" / "full" / "resnet50_d-efficient.py")
    base = Config.fromfile(repo / "configs" / "cls" / "full" / "resnet50_b-standard.py")
    resolved(base, *leaf.tricks)
    for key in ("model", "optim_wrapper", "param_scheduler", "auto_scale_lr", "train_cfg"):
        assert base[key] == leaf[key]


def test_command_line_tricks_are_more_names_in_the_leafs_line(repo: Path, tmp_path: Path):
    """`--tricks mixup` on a leaf with cosine: mixup goes below it, and cosine fills its epochs."""
    base = repo / FULL
    line = 'tricks = use("resnet_d", "warmup", "cosine"{})'
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
