"""What mmengine's checkpoints lack: gradients between two updates, a bounded log."""

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from stopping import train_and_stop

from tricklift.compat import history
from tricklift.compat.safe_load import load_from_disk

ANSWER = {"accuracy/top1": 1.0}


def test_gradients_of_a_step_that_is_not_complete_are_resumed(tiny, tmp_path):
    def runner(name: str) -> Runner:
        wrapper = dict(optimizer=dict(type="SGD", lr=0.1), accumulative_counts=3)
        loop = dict(by_epoch=True, max_epochs=4, val_interval=4)
        cfg = tiny.config(tmp_path / name, train_cfg=loop, optim_wrapper=wrapper, resume=True)
        tiny.answer(ANSWER)
        return Runner.from_cfg(cfg)

    whole = runner("whole")
    whole.train()
    train_and_stop(runner("parts"), epoch=2)  # after step 4 of 8: one batch of three
    assert "accumulated_gradients" in load_from_disk(tmp_path / "parts" / "epoch_2.pth")
    parts = runner("parts")
    parts.train()
    assert torch.equal(parts.model.fc.weight, whole.model.fc.weight)
    assert "accumulated_gradients" not in load_from_disk(tmp_path / "whole" / "epoch_3.pth")


def test_a_validation_that_was_stopped_is_made_up_for_once(tiny, tmp_path):
    class Stops(Hook):
        def before_val_iter(self, *args, **kwargs):
            raise KeyboardInterrupt

    def cfg(epochs: int):
        loop = dict(by_epoch=True, max_epochs=epochs, val_interval=1)
        checkpoint = dict(type="CheckpointHook", interval=1, save_best="accuracy/top1")
        return tiny.config(
            tmp_path, train_cfg=loop, resume=True, default_hooks=dict(checkpoint=checkpoint)
        )

    runner = Runner.from_cfg(cfg(2))
    runner.register_hook(Stops())
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    scores = [{"accuracy/top1": score} for score in (50.0, 40.0)]
    assert tiny.train(cfg(2), *scores)["best"] == {"top1": 50.0}
    held = load_from_disk(tmp_path / "epoch_1.pth")["message_hub"]  # saved again as the best
    assert list(held["log_scalars"]["val/accuracy/top1"].data[0]) == [50.0]
    assert [path.name for path in tmp_path.glob("best*")] == ["best_accuracy_top1_epoch_1.pth"]


def test_the_history_of_the_log_is_bounded(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(history, "KEPT", 5)
    loop = dict(by_epoch=True, max_epochs=4, val_interval=4)
    tiny.train(tiny.config(tmp_path, train_cfg=loop), ANSWER)
    held = load_from_disk(tmp_path / "epoch_4.pth")["message_hub"]["log_scalars"]
    assert len(held["train/loss"].data[0]) == 5
