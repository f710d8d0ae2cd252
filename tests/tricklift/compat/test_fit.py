"""What is loaded into a run of the table must be of its model."""

import pytest
import torch
from mmengine.runner import Runner
from torch import nn

from tricklift.compat.checkpoints import misfits, refuse
from tricklift.compat.safe_load import load_from_disk

ANSWER = {"accuracy/top1": 1.0}


class Body(nn.Module):
    """A backbone of one layer, with a head beside it."""

    def __init__(self, width: int = 2, classes: int = 1) -> None:
        super().__init__()
        self.backbone = nn.Linear(2, width, bias=False)
        self.head = nn.Linear(width, classes, bias=False)


def test_missing_keys_and_other_shapes_are_named():
    state = Body(width=3).state_dict()
    del state["backbone.weight"]
    assert misfits(Body(), state) == [
        "backbone.weight (missing)",
        "head.weight ((1, 3) for (1, 2))",
    ]
    assert misfits(nn.parallel.DataParallel(Body()), Body().state_dict()) == []
    refuse("a.pth", [])
    with pytest.raises(ValueError, match=r"a.pth is not of this model: 7 keys .*: 0, 1, 2, 3, 4, "):
        refuse("a.pth", [str(n) for n in range(7)])


@pytest.fixture
def stranger(tmp_path):
    """A checkpoint in which nothing is of the linear test model."""
    file = tmp_path / "stranger.pth"
    torch.save({"state_dict": {"neck.weight": torch.zeros(1)}, "meta": {}}, file)
    return str(file)


def test_a_test_by_openmmlabs_own_way_wants_every_key(tiny, tmp_path, stranger):
    cfg = tiny.config(tmp_path / "w", load_from=stranger, test_cfg=dict())
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    for name in ("val", "test"):
        with pytest.raises(ValueError, match=r"stranger.pth is not .*fc.weight \(missing\)"):
            getattr(Runner.from_cfg(cfg), name)()


def test_a_resumed_run_wants_every_key(tiny, tmp_path):
    tiny.train(tiny.config(tmp_path / "w"), ANSWER, ANSWER)
    file = tmp_path / "w" / "epoch_2.pth"
    held = load_from_disk(file)
    del held["state_dict"]["fc.bias"]
    torch.save(held, file)
    longer = dict(by_epoch=True, max_epochs=3)
    with pytest.raises(ValueError, match=r"not of this model: 1 keys .*fc.bias \(missing\)"):
        Runner.from_cfg(tiny.config(tmp_path / "w", resume=True, train_cfg=longer)).train()


def test_training_from_a_checkpoint_may_have_another_head(tiny, tmp_path, stranger):
    result = tiny.train(tiny.config(tmp_path / "w", load_from=stranger), ANSWER, ANSWER)
    assert result["status"] == "done"


def test_training_from_a_checkpoint_wants_the_backbone(tiny, tmp_path, stranger):
    runner = Runner.from_cfg(tiny.config(tmp_path / "w", load_from=stranger))
    runner.model.backbone = nn.Linear(2, 2, bias=False)
    with pytest.raises(ValueError, match=r": 1 keys do not fit: backbone.weight \(missing\)"):
        runner.train()


def test_stock_configs_load_as_mmengine_does(tiny, tmp_path, stranger):
    cfg = tiny.config(tmp_path / "w", load_from=stranger, custom_hooks=[])
    cfg.pop("benchmark")
    tiny.answer(ANSWER)
    assert Runner.from_cfg(cfg).val() == ANSWER
