"""A loss that is not finite stops its step, in every task; what was saved before it stays."""

import json
import re

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from tricklift import train as training
from tricklift.compat import finite_loss
from tricklift.compat.safe_load import load_from_disk

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
QUICK = {
    **{f"{loader}.num_workers": 0 for loader in LOADERS},
    **{f"{loader}.persistent_workers": False for loader in LOADERS},
    "train_dataloader.batch_size": 2,
    "model.backbone.width": 0.125,
}
FEW = {**QUICK, "train_cfg.max_epochs": 1, "+train_dataloader.dataset.indices": 4}
BOXES = "model.roi_head.bbox_head.loss_bbox.loss_weight"
AUX = "model.auxiliary_head.loss_decode.loss_weight"
INF = float("inf")
RUNS = {
    "cls/mini/resnet18_b-baseline": (
        {**QUICK, "train_cfg.max_epochs": 1, "optim_wrapper.optimizer.lr": INF},
        "step 2: loss",
    ),
    "det/mini/faster_rcnn_fpn": ({**FEW, BOXES: INF}, "step 1: loss_bbox"),
    "seg/mini/fcn": ({**QUICK, "train_cfg.max_iters": 2, AUX: INF}, "step 1: aux.loss_ce"),
}


@pytest.mark.parametrize("name", RUNS)
def test_step_part_and_pictures_are_named(name, tiny_root, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    options, said = RUNS[name]
    cfg = training.build_config(name, work_dir=tmp_path, seed=0, options=options)
    with pytest.raises(ValueError, match=f"^{said} is not finite; the images of its ") as error:
        training.train(cfg)
    seen = re.findall(r"\S+\.(?:jpg|JPEG|png)", str(error.value))
    assert len(seen) == 2 and all(path.startswith(str(tiny_root)) for path in seen)
    assert not list(tmp_path.glob("*.pth"))
    (log,) = tmp_path.rglob("*.log")
    assert "Traceback (most recent call last)" in log.read_text()


class Spoils(Hook):
    """Sets a weight to NaN before an iteration."""

    def __init__(self, at: int) -> None:
        self.at = at

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.at:
            runner.model.fc.weight.data.fill_(float("nan"))


def test_the_last_good_checkpoint_stays_and_resumes(tiny, tmp_path):
    loop = dict(by_epoch=True, max_epochs=3, val_interval=3)
    tiny.answer({"accuracy/top1": 1.0})
    runner = Runner.from_cfg(tiny.config(tmp_path, train_cfg=loop))
    runner.register_hook(Spoils(at=3))
    with pytest.raises(ValueError, match=r"^step 4: loss is not finite. The checkpoints in "):
        runner.train()
    assert [file.name for file in tmp_path.glob("*.pth")] == ["epoch_1.pth"]
    state = load_from_disk(tmp_path / "epoch_1.pth")["state_dict"]
    assert all(value.isfinite().all() for value in state.values())
    again = tiny.train(tiny.config(tmp_path, train_cfg=loop, resume=True), {"accuracy/top1": 1.0})
    assert (again["status"], again["epochs"]) == ("done", 3)


def test_a_gradient_that_is_not_finite_is_no_fault(tiny, tmp_path):
    """What a scaler of float16 passes over."""
    wrapper = dict(type="AmpOptimWrapper", dtype="float16", optimizer=dict(type="SGD", lr=0.1))
    runner = Runner.from_cfg(tiny.config(tmp_path, optim_wrapper=wrapper))
    tiny.answer({"accuracy/top1": 1.0}, {"accuracy/top1": 1.0})
    runner.model.fc.weight.register_hook(lambda grad: grad * float("inf"))
    runner.train()
    assert torch.isfinite(runner.model.fc.weight).all()
    assert json.loads((tmp_path / "result.json").read_text())["skipped_steps"] == 4


class Listed(Dataset):
    """Names of pictures, as OpenMMLab's sets know them."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return index

    def get_data_info(self, index):
        return {"img_path": f"{index}.jpg"}


def test_the_pictures_of_a_step_are_drawn_again():
    """For batches that do not name theirs; workers have fetched ahead by then."""
    data = Listed()
    loader = DataLoader(data, batch_size=3, sampler=DefaultSampler(data, seed=3))
    for epoch in (0, 1):
        loader.sampler.set_epoch(epoch)
        batches = [batch.tolist() for batch in loader]
        loader.sampler.set_epoch(9)
        for place, batch in enumerate(batches):
            step = finite_loss.Step(1, epoch, place, ["loss"], torch.tensor([False]), [], None)
            assert finite_loss._from_sampler(loader, step) == [f"{at}.jpg" for at in batch]
