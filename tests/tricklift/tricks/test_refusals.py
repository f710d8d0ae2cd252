"""What `use` refuses."""

from pathlib import Path

import pytest
from laid import leaf_of
from mmengine.config import Config

import cls  # noqa: F401  (registers the parts)
from tricklift.tricks import lay, load
from tricklift.tricks.refusals import refuse_clashes, settled


@pytest.mark.parametrize(
    ("first", "second", "key"),
    [
        ("resnet_c", "resnet_d", "model.backbone.name"),
        ("xavier_init", "kaiming_init", "model.backbone.init"),
    ],
)
def test_clash_names_both(baseline: Config, first: str, second: str, key: str):
    with pytest.raises(ValueError, match=f"tricks '{first}' and '{second}' cannot.*both set {key}"):
        lay(baseline.to_dict(), [second, first])


def test_equal_settings_do_not_clash():
    set_by: dict = {}
    refuse_clashes("a", {"model": {"x": 1}}, set_by)
    refuse_clashes("b", {"model": {"x": 1}}, set_by)
    with pytest.raises(ValueError, match="tricks 'b' and 'c'"):
        refuse_clashes("c", {"model": {"x": 2}}, set_by)


def test_a_second_layer_of_tricks_is_refused(repo: Path):
    cfg = load(repo / "configs" / "cls" / "full" / "resnet50_d-efficient.py")
    with pytest.raises(ValueError, match=r"has tricks already \(resnet_d, .*: tricks = use"):
        lay(cfg.to_dict(), ["cosine"])


@pytest.mark.parametrize("above", [True, False])
def test_a_line_that_a_trick_would_replace_is_refused(repo: Path, tmp_path: Path, above: bool):
    """The base says how many epochs, the line another number, mixup makes more of them: which?"""

    def leaf(line: str, names: str) -> Path:
        return leaf_of(repo, tmp_path, *((line, names, "") if above else ("", names, line)))

    with pytest.raises(ValueError, match=r"'mixup' sets train_cfg.max_epochs to 50.* has .* = 30"):
        load(leaf("train_cfg = dict(max_epochs=30)", "'mixup'"))
    with pytest.raises(ValueError, match=r"'mixup' sets model.mixup to .* has model.mixup = None"):
        load(leaf("model = dict(mixup=None)", "'mixup'"))
    cfg = load(leaf("optim_wrapper = dict(clip_grad=dict(max_norm=1))", "'no_bias_decay'"))
    assert cfg.optim_wrapper.clip_grad.max_norm == 1 and cfg.optim_wrapper.optimizer.lr == 0.1
    assert cfg.optim_wrapper.paramwise_cfg.norm_decay_mult == 0
    cfg = load(leaf("model = dict(mixup=dict(alpha=0.4))", "'mixup'"))
    assert cfg.model.mixup.alpha == 0.4, "a line chooses the value of what a trick brings"
    assert cfg.train_cfg.max_epochs == 200


def test_what_is_laid_anew_keeps_no_line_below_it():
    piece = {"loss": {"_delete_": True, "type": "A"}}
    with pytest.raises(ValueError, match=r"sets loss to .*_delete_.* has loss.beta = 1 of its own"):
        settled("x", piece, {"loss.beta": 1}, {})
    with pytest.raises(ValueError, match=r"sets loss to 3, and .* has loss.beta = 1"):
        settled("x", {"loss": 3}, {"loss.beta": 1}, {})
    keys = {"custom_keys": {"a.b": {}, "c": {"x": 1}}}
    assert settled("x", keys, {"custom_keys.c.x": 2}, {}) == {
        "custom_keys": {"a.b": {}, "c": {"x": 2}}
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("globals().update(use(_base_, 'ema'))", r"use\(\) takes names alone, as tricks = use"),
        ("mine = use('ema')", r"gives use\(...\) to mine; write tricks = use"),
    ],
)
def test_use_in_another_place(repo: Path, tmp_path: Path, line: str, message: str):
    leaf = leaf_of(repo, tmp_path, line, "'ema'", "del tricks")
    with pytest.raises(ValueError, match=message):
        load(leaf)
