"""What `use` refuses."""

from pathlib import Path

import pytest
from laid import leaf_of
from mmengine.config import Config

import cls  # noqa: F401  (registers the parts)
from tricklift.tricks import load, use
from tricklift.tricks.refusals import refuse_clashes


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
