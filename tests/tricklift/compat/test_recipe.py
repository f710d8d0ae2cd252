"""A run is resumed with its recipe, or says that it was not."""

import json

import pytest

from tricklift.compat.recipe import differences
from tricklift.compat.safe_load import load_from_disk

ANSWER = {"accuracy/top1": 1.0}


@pytest.fixture
def resumed(tiny, tmp_path):
    """Trains one epoch, then two more with other settings of the config; what result.json says."""

    def run(**changes) -> dict:
        one = dict(by_epoch=True, max_epochs=1, val_interval=1)
        tiny.train(tiny.config(tmp_path, train_cfg=one), ANSWER)
        cfg = tiny.config(tmp_path, train_cfg={**one, "max_epochs": 3}, resume=True)
        cfg.merge_from_dict(changes)
        return tiny.train(cfg, ANSWER, ANSWER, ANSWER)

    return run


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train_dataloader.batch_size": 1}, "train_dataloader.batch_size was 2 and is 1"),
        ({"optim_wrapper.optimizer.lr": 0.2}, r"optim_wrapper.optimizer.lr was 0.1 and is 0.2"),
        ({"optim_wrapper.clip_grad": {"max_norm": 1}}, "optim_wrapper.clip_grad was null and is"),
        ({"model.backbone.width": 1.0}, "model.backbone.width was 0.5 and is 1.0"),
        ({"custom_hooks": [dict(type="ResultHook"), dict(type="EMAHook")]}, "hooks was .* and is"),
    ],
)
def test_another_recipe_is_refused_with_both_values(resumed, change, said):
    with pytest.raises(ValueError, match=f"another recipe: .*{said}.*allow_other_recipe=True"):
        resumed(**change)


@pytest.mark.parametrize(
    "change",
    [
        {},  # longer
        {"val_dataloader.batch_size": 1},
        {"train_dataloader.num_workers": 1},
        {"row": "another label", "work_dir_of_mine": "a variable"},
    ],
)
def test_length_validation_workers_and_labels_are_free(resumed, change):
    assert "resume_notes" not in resumed(**change)


def test_where_it_is_allowed_result_and_checkpoints_say_so(resumed, tiny, tmp_path):
    change = {"train_dataloader.batch_size": 1}
    result = resumed(allow_other_recipe=True, **change)
    assert result["resume_notes"] == [
        "iteration 2: train_dataloader.batch_size was 2 and is 1",
    ]
    cfg = tiny.config(tmp_path, resume=True)
    cfg.merge_from_dict({**change, "train_cfg.max_epochs": 4})
    assert tiny.train(cfg, ANSWER, ANSWER)["resume_notes"] == result["resume_notes"]


def test_a_checkpoint_without_a_recipe_is_resumed(tiny, tmp_path):
    """An older one, or mmengine's own."""
    import torch

    tiny.train(tiny.config(tmp_path), ANSWER, ANSWER)
    path = tmp_path / "epoch_2.pth"
    held = load_from_disk(path)
    assert json.loads(held["meta"].pop("recipe"))["train_dataloader"]["batch_size"] == 2
    torch.save(held, path)
    cfg = tiny.config(tmp_path, resume=True)
    cfg.merge_from_dict({"train_cfg.max_epochs": 3, "train_dataloader.batch_size": 1})
    assert tiny.train(cfg, ANSWER, ANSWER)["epochs"] == 3


def test_differences_name_the_deepest_key():
    before = {"a": {"b": [1, {"c": 2}]}, "d": 1}
    now = {"a": {"b": [1, {"c": 3}]}, "e": 1}
    assert list(differences(before, now)) == [
        "a.b.1.c was 2 and is 3",
        "d was 1 and is null",
        "e was null and is 1",
    ]
    assert list(differences(before, before)) == []
