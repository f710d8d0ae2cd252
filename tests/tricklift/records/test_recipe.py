"""What a run does with its backbone: another backbone is no other recipe, all else is one."""

import pytest

from tricklift.records.differences import differing
from tricklift.records.recipe import kept_recipe, recipe_hash, recipe_of
from tricklift.train import build_config

SEG = "seg/mini/fcn"


@pytest.fixture(scope="module")
def plain():
    return recipe_of(build_config(SEG))


def test_a_row_is_no_other_recipe(plain, tmp_path):
    """Another network, of whatever width and weights, in another folder, with another seed."""
    own = tmp_path / "own.py"
    own.write_text("X = 1\n")
    cfg = build_config(
        SEG,
        backbone="timm/resnest14d",
        pretrained="timm/resnest14d",
        work_dir=tmp_path,
        seed=3,
        own_imports=[str(own)],
    )
    assert recipe_hash(recipe_of(cfg)) == recipe_hash(plain)
    assert "timm" not in str(recipe_of(cfg)) and "resnest" not in str(recipe_of(cfg))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"train_cfg.max_iters": 2}, "train_cfg.max_iters"),
        ({"optim_wrapper.optimizer.lr": 0.5}, "optim_wrapper.optimizer.lr"),
        ({"train_dataloader.batch_size": 3}, "train_dataloader.batch_size"),
        ({"model.backbone.frozen_stages": 1}, "model.backbone.frozen_stages"),
        ({"model.backbone.norm_eval": True}, "model.backbone.norm_eval"),
        ({"model.backbone.output_stride": 16}, "model.backbone.output_stride"),
        ({"model.decode_head.dropout_ratio": 0.5}, "model.decode_head.dropout_ratio"),
    ],
    ids=str,
)
def test_all_else_is(plain, option, said):
    other = recipe_of(build_config(SEG, options={f"+{key}": it for key, it in option.items()}))
    assert recipe_hash(other) != recipe_hash(plain)
    assert any(found.startswith(said) for found in differing(plain, other))


def test_of_the_config_that_a_run_kept(plain, tmp_path):
    build_config(SEG).dump(tmp_path / "fcn.py")
    assert kept_recipe(tmp_path, "anywhere/configs/seg/mini/fcn.py") == plain
    assert kept_recipe(tmp_path, "other.py") is None
