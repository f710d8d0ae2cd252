"""Schedules as long as the training, wherever its length is set."""

import math
from pathlib import Path

import pytest
from laid import leaf_of, rates

import cls  # noqa: F401  (registers the parts)
from tricklift.tricks import load


@pytest.mark.parametrize("above", [True, False])
def test_tricks_see_what_a_leaf_sets_above_and_below_them(repo: Path, tmp_path: Path, above: bool):
    lines = "train_cfg = dict(max_epochs=30)\nwarmup_epochs = 2"
    about = (lines, "") if above else ("", lines)
    cfg = load(leaf_of(repo, tmp_path, about[0], "'warmup', 'cosine'", about[1]))
    assert [(s.begin, s.end) for s in cfg.param_scheduler] == [(0, 2), (2, 30)]
    assert cfg.train_cfg.max_epochs == 30 and cfg.train_cfg.val_interval == 1
    # By hand: the last of 28 x 10 iterations after 20 of warmup.
    last = rates(cfg, per_epoch=10, lr=0.4)[-1]
    assert last == pytest.approx(0.2 * (1 + math.cos(279 / 280 * math.pi)), abs=1e-9)


def test_lengths_that_tricks_do_not_see_are_refused(repo: Path, tmp_path: Path):
    """They stand in a config over the one with the tricks."""

    def over(names: str, lines: str) -> Path:
        below = leaf_of(repo, tmp_path, "", names, "")
        (tmp_path / "over.py").write_text(f"_base_ = [{str(below)!r}]\n{lines}\n")
        return tmp_path / "over.py"

    leaf = over("'warmup', 'cosine'", "train_cfg = dict(max_epochs=30)")
    with pytest.raises(ValueError, match=r"'cosine' goes from epoch 5 to 120, but .* for 5 to 30"):
        load(leaf)
    with pytest.raises(ValueError, match=r"'warmup' goes from epoch 0 to 5, but .* for 0 to 3"):
        load(over("'warmup'", "warmup_epochs = 3"))
    both = "train_cfg = dict(max_epochs=30)\nparam_scheduler = [dict(type='CosineAnnealingLR', "
    both += "begin=5, end=30, convert_to_iter_based=True)]"
    cfg = load(over("'warmup', 'mixup', 'cosine'", both))
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[-1].end) == (30, 30)
