"""mmdet for real: stock configs plus one `custom_imports` line, on ten images, through `mim`."""

import math
import os
import re
import sys
from pathlib import Path

import mmdet
import pytest
import torch

from tricklift.compat.safe_load import load_from_disk
from tricklift.records import predictions

OPTIONS = [
    *("default_hooks.logger.interval=1", "val_dataloader.dataset.pipeline.1.scale=(96,96)"),
    *("train_dataloader.num_workers=0", "train_dataloader.persistent_workers=False"),
    *("val_dataloader.num_workers=0", "val_dataloader.persistent_workers=False"),
    *("test_dataloader.num_workers=0", "test_dataloader.persistent_workers=False"),
    *("test_dataloader.dataset.pipeline.1.scale=(96,96)", "model.backbone.init_cfg=None"),
    "model.test_cfg.rcnn.score_thr=0.0",  # an untrained detector is sure of nothing
]
FPN = [
    *OPTIONS,
    *("model.backbone.depth=18", "model.neck.in_channels=[64,128,256,512]"),
    *("model.roi_head.bbox_head.fc_out_channels=64", "train_dataloader.dataset.times=1"),
    *(f"train_dataloader.dataset.dataset.datasets.{i}.pipeline.2.scale=(96,96)" for i in (0, 1)),
    "model.test_cfg.rcnn.score_thr=0.0",  # four steps may leave no score above the usual 0.05
]
C4 = [
    *OPTIONS,
    *("train_cfg.max_iters=2", "train_cfg.val_interval=2", "default_hooks.checkpoint.interval=2"),
    *("model.roi_head.shared_head.init_cfg=None", "model.train_cfg.rcnn.sampler.num=16"),
    *("model.rpn_head.feat_channels=64", "model.test_cfg.rpn.max_per_img=20"),
    *(f"train_dataloader.dataset.datasets.{i}.pipeline.2.scales=[(96,96)]" for i in (0, 1)),
]


@pytest.fixture(scope="module")
def fpn(leaf) -> str:
    return leaf("mmdet", "pascal_voc/faster-rcnn_r50_fpn_1x_voc0712.py")


@pytest.fixture(scope="module")
def trained(run, mim, place: Path, fpn: str) -> Path:
    """One epoch of Faster R-CNN with FPN: 4 iterations of 2 images, then validation."""
    command = ["train", "mmdet", fpn, "--gpus", "0", "--work-dir", "fpn"]
    run(*mim, *command, "--cfg-options", "train_cfg.max_epochs=1", *FPN)
    return place / "fpn/epoch_1.pth"


def train_losses(lines: list[dict[str, float]]) -> list[float]:
    return [line["loss"] for line in lines if "loss" in line]


def test_mim_train(trained, scalars):
    losses = train_losses(scalars("fpn"))
    assert len(losses) == 4 and all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0]
    checkpoint = load_from_disk(trained)
    assert checkpoint["meta"]["tricklift"]["iters"] == 4  # as in every run
    said = predictions.read(trained.parent)
    assert (said.task, said.step, len(said.images)) == ("det", 4, 2)
    state = checkpoint["state_dict"]
    assert all(value.isfinite().all() for value in state.values())


def test_mim_test_gives_what_training_reported(run, mim, trained, fpn, scalars):
    out = run(
        *(*mim, "test", "mmdet", fpn, "--checkpoint", trained, "--gpus", "0"),
        *("--work-dir", "fpn_test", "--cfg-options", *FPN),
    )
    (reported,) = [line["pascal_voc/mAP"] for line in scalars("fpn") if "pascal_voc/mAP" in line]
    found = re.findall(r"Epoch\(test\).*pascal_voc/mAP: ([\d.]+)", out)
    assert float(found[-1]) == pytest.approx(reported, abs=1e-4)
    dets = re.findall(r"\| \w+ +\| \d+ +\| (\d+)", out)
    assert len(dets) == 20 and sum(map(int, dets)) > 0  # there was something to suppress


def test_mim_train_resumes_with_amp(run, mim, trained, fpn, scalars):
    out = run(
        *(*mim, "train", "mmdet", fpn, "--gpus", "0", "--work-dir", "fpn", "--resume", "--amp"),
        *("--cfg-options", "train_cfg.max_epochs=2", "allow_other_recipe=True", *FPN),
    )
    assert "resumed with another recipe: optim_wrapper" in out
    assert f"Auto resumed from the latest checkpoint {trained}" in out
    assert "resumed epoch: 1, iter: 4" in out
    losses = train_losses(scalars("fpn"))
    assert len(losses) == 8 and all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0]
    (logged,) = re.findall(r"type='(\w*OptimWrapper)'", out)
    assert logged == "AmpOptimWrapper"
    saved = load_from_disk(trained.with_name("epoch_2.pth"))
    assert saved["meta"]["iter"] == 8
    history, _ = saved["message_hub"]["log_scalars"]["train/loss"].data
    assert len(history) == 8  # the first epoch's losses came back from the checkpoint


class Command:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


def test_resuming_refuses_a_checkpoint_that_holds_a_program(run, trained, fpn, place):
    evil, trace = place / "evil.pth", place / "trace"
    torch.save(dict(load_from_disk(trained), extra=Command(trace)), evil)
    script = Path(mmdet.__file__).parent / ".mim/tools/train.py"
    out = run(
        *(sys.executable, script, fpn, "--work-dir", "evil", "--resume", evil),
        *("--cfg-options", "train_cfg.max_epochs=2", *FPN),
        fails=True,
    )
    assert re.search(r"UnsafeCheckpointError: refused to load .*evil\.pth.*system", out)
    assert not trace.exists()


def test_c4_on_two_processes(run, mim, leaf, keeps, scalars, same_statistics):
    """The C4 head with batch norms that train, through mim's own launch, over gloo."""
    c4 = leaf("mmdet", "pascal_voc/faster-rcnn_r50-caffe-c4_ms-18k_voc0712.py", keeps)
    out = run(
        *(*mim, "train", "mmdet", c4, "--gpus", "2", "--launcher", "pytorch"),
        *("--work-dir", "c4", "--cfg-options", "model.backbone.norm_eval=False", *C4),
    )
    assert "Distributed launcher: pytorch" in out and "GPU number: 2" in out
    losses = train_losses(scalars("c4"))
    assert len(losses) == 2 and all(math.isfinite(loss) for loss in losses)
    assert any("pascal_voc/mAP" in line for line in scalars("c4"))
    same_statistics("c4/iter_2.pth")
