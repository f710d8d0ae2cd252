"""CheckpointMetadata in real runs: what a checkpoint says is that of its very weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

import tricklift.compat.setup  # noqa: F401  (as every config does)
from tricklift import configs
from tricklift.records.checkpoint_metadata import RECORDED, network_facts
from tricklift.records.schema import CHECKPOINT_KEY

SAVING = dict(checkpoint=dict(type="CheckpointHook", interval=1, save_best="accuracy/top1"))


def top1(*values: float) -> list[dict[str, float]]:
    return [{"accuracy/top1": value} for value in values]


def metadata(file: Path) -> dict[str, Any]:
    """As a reader finds it that allows no class of mmengine."""
    held = torch.load(file, weights_only=False)["meta"][CHECKPOINT_KEY]
    torch.save(held, file.with_suffix(".held"))
    return torch.load(file.with_suffix(".held"), weights_only=True)


def test_a_checkpoint_says_what_its_result_says(tiny, tmp_path):
    result = tiny.train(tiny.config(tmp_path), *top1(50.0, 60.0))
    held = metadata(tmp_path / "epoch_2.pth")
    assert {key: held[key] for key in RECORDED} == {key: result[key] for key in RECORDED}
    assert (held["epochs"], held["iters"], held["top1"]) == (2, 4, 60.0)
    assert held["version"]


def test_each_checkpoint_has_the_accuracy_of_its_own_weights_or_none(tiny, tmp_path):
    cfg = tiny.config(tmp_path, default_hooks=SAVING)
    cfg.train_cfg.max_epochs = 4
    tiny.train(cfg, *top1(50.0, 70.0, 40.0, 60.0))
    found = {n: metadata(tmp_path / f"epoch_{n}.pth").get("top1") for n in (1, 2, 3, 4)}
    # mmengine saves the newest one again where it is the best so far.
    assert found == {1: 50.0, 2: 70.0, 3: None, 4: 60.0}
    (best,) = tmp_path.glob("best_*.pth")
    assert (metadata(best)["epochs"], metadata(best)["top1"]) == (2, 70.0)


class Stops(Hook):
    """As a kill within the second validation."""

    def before_val_epoch(self, runner: Any) -> None:
        if runner.epoch == 2:
            raise KeyboardInterrupt


def test_a_run_that_is_stopped_in_its_last_validation_says_nothing_until_resumed(tiny, tmp_path):
    tiny.answer(*top1(50.0, 60.0))
    runner = Runner.from_cfg(tiny.config(tmp_path, default_hooks=SAVING))
    runner.register_hook(Stops())
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert metadata(tmp_path / "epoch_2.pth").get("top1") is None
    before = torch.load(tmp_path / "epoch_2.pth", weights_only=False)
    result = tiny.train(tiny.config(tmp_path, default_hooks=SAVING, resume=True), *top1(60.0))
    held = metadata(tmp_path / "epoch_2.pth")
    assert held["top1"] == result["metrics"]["top1"] == 60.0
    assert held["config_hash"] == result["config_hash"]
    after = torch.load(tmp_path / "epoch_2.pth", weights_only=False)
    assert all(torch.equal(v, after["state_dict"][k]) for k, v in before["state_dict"].items())


def test_a_run_without_labels_leaves_what_is_known(tiny, tmp_path):
    cfg = tiny.config(tmp_path, custom_hooks=[], benchmark=None)
    tiny.answer(*top1(1.0, 2.0))
    Runner.from_cfg(cfg).train()
    held = metadata(tmp_path / "epoch_2.pth")
    assert held["top1"] == 2.0 and not held.keys() & set(RECORDED)


@pytest.mark.filterwarnings("ignore:``build_loss``")  # mmseg's own
@pytest.mark.parametrize(
    "leaf", ["cls/mini/resnet18_d-tricks", "det/mini/faster_rcnn_c4", "seg/mini/fcn"]
)
def test_the_network_says_what_it_is(leaf):
    import cls  # noqa: F401
    import det  # noqa: F401
    import seg  # noqa: F401

    cfg = Config.fromfile(configs.find_config(leaf))
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope")):
        facts = network_facts(MODELS.build(cfg.model))
    assert facts["architecture"] == cfg.model.backbone.name
    assert facts["mean"] == [123.68, 116.779, 103.939]
    assert facts["std"] == [58.393, 57.12, 57.375]
