"""Detection trains for real: a few steps, resume, `load_from`, and OpenMMLab's own tools."""

import json
import os
import subprocess
import sys
import uuid

import pytest
import torch
from mmengine.runner import Runner

import backbones
import det  # noqa: F401
from tricklift.data.miniworld import CLASSES
from tricklift.tricks import load

COSINE = dict(type="CosineAnnealingLR", convert_to_iter_based=True)
FEW = {
    "train_dataloader.batch_size": 2,
    "train_dataloader.num_workers": 0,
    "train_dataloader.persistent_workers": False,
    "train_dataloader.dataset.indices": 4,
    "val_dataloader.num_workers": 0,
    "val_dataloader.persistent_workers": False,
    "val_dataloader.dataset.indices": 2,
    "train_cfg.max_epochs": 1,
    "train_cfg.val_interval": 1,
    "param_scheduler.1": {**COSINE, "T_max": 1, "end": 1},
    "default_hooks.logger.interval": 1,
}


@pytest.fixture
def runner(repo, tiny_root, tmp_path, monkeypatch):
    """Build the Runner of a mini config, cut to two steps an epoch."""
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))

    def build(head, tricks=(), **options):
        config = load(repo / f"configs/det/mini/faster_rcnn_{head}.py", tricks)
        config.merge_from_dict({"work_dir": str(tmp_path / "work"), **FEW, **options})
        config.experiment_name = uuid.uuid4().hex  # mmengine keeps its loggers by this name
        return Runner.from_cfg(config)

    return build


@pytest.mark.parametrize("head", ["fpn", "c4"])
def test_trains_and_leaves_a_result(runner, head, tmp_path):
    run = runner(head)
    run.model.init_weights()  # training does not do it a second time
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    run.train()
    after = run.model.state_dict()
    assert run.iter == 2
    assert all(torch.isfinite(value).all() for value in after.values())
    parts = ["backbone.net.stem.conv1", "rpn_head.rpn_cls", "roi_head.bbox_head.fc_cls"]
    parts += ["neck.lateral_convs.0.conv"] if head == "fpn" else []
    parts += ["roi_head.shared_head.stage.0.conv1"] if head == "c4" else []
    for part in parts:
        assert not torch.equal(before[f"{part}.weight"], after[f"{part}.weight"]), part
    result = json.loads((tmp_path / "work/result.json").read_text())
    assert (result["status"], result["task"], result["row"]) == ("done", "det", "random init")
    assert 0 <= result["metrics"]["voc_map"] <= 100
    classes = result["per_class"]["voc_map"].values()
    assert sum(classes) / len(classes) == pytest.approx(result["metrics"]["voc_map"], abs=1e-3)
    assert (tmp_path / "work/epoch_1.pth").is_file()


def test_tricks_train_and_stand_in_the_result(runner, tmp_path):
    names = ["giou_loss", "focal_loss", "iou_aware"]
    run = runner("c4", names)
    run.model.init_weights()  # training does not do it a second time
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    run.train()
    after = run.model.state_dict()
    for part in ("fc_cls", "fc_reg.box", "fc_reg.iou"):
        key = f"roi_head.bbox_head.{part}.weight"
        assert torch.isfinite(after[key]).all() and not torch.equal(before[key], after[key])
    result = json.loads((tmp_path / "work/result.json").read_text())
    assert (result["status"], result["tricks"]) == ("done", names)


def test_resumes(runner, tmp_path):
    longer = {"train_cfg.max_epochs": 2, "param_scheduler.1": {**COSINE, "T_max": 2, "end": 2}}
    runner("fpn", **{"default_hooks.checkpoint.max_keep_ckpts": 2, **longer}).train()
    again = runner("fpn", resume=True, load_from=str(tmp_path / "work/epoch_1.pth"), **longer)
    seen = []
    again.train_loop.run_iter = lambda i, b, real=again.train_loop.run_iter: (
        seen.append(again.epoch),
        real(i, b),
    )
    again.train()
    assert seen == [1, 1], "the first epoch is not run again"
    assert (tmp_path / "work/epoch_2.pth").is_file()


def test_load_from_wins_over_the_backbones_checkpoint(runner, tmp_path, repo):
    runner("fpn").train()
    weights = tmp_path / "work/epoch_1.pth"
    zoo = tmp_path / "zoo.safetensors"
    from safetensors.torch import save_file

    meta = {"format": "tricklift", "architecture": "resnet18_b", "options": "{}"}
    state = backbones.build("resnet18_b", num_classes=3).state_dict()
    save_file(state, zoo, {**meta, "num_classes": "3"})
    run = runner(
        "fpn",
        **{
            "load_from": str(weights),
            "model.backbone.checkpoint": str(zoo),
            "optim_wrapper.optimizer.lr": 0.0,
            "work_dir": str(tmp_path / "second"),
        },
    )
    run.train()
    wanted = torch.load(weights, weights_only=False)["state_dict"]
    found = run.model.state_dict()
    key = "backbone.net.stem.conv1.weight"
    assert torch.equal(found[key], wanted[key])
    assert not torch.equal(found[key], state["stem.conv1.weight"])


def test_bad_data_stop_a_run_before_it_trains(runner, voc, tmp_path):
    wrong = CLASSES[0][:-1]
    voc.xml("a", [(CLASSES[0], 1, 1, 40, 30)])
    voc.xml("b", [(wrong, 1, 1, 40, 30)])
    run = runner("fpn", **{"train_dataloader.dataset.data_root": str(voc.root)})
    with pytest.raises(
        ValueError, match=rf"b.xml: unknown class '{wrong}'.*did you mean '{CLASSES[0]}'\?"
    ):
        run.train()
    assert not list((tmp_path / "work").glob("*.pth"))
    assert not (tmp_path / "work/result.json").exists()


@pytest.mark.slow
def test_mim_trains_and_tests(repo, tiny_root, tmp_path):
    config = repo / "configs/det/mini/faster_rcnn_fpn.py"
    env = {**os.environ, "TRICKLIFT_ROOT": str(tiny_root), "OMP_NUM_THREADS": "1"}
    mim = (sys.executable, "-c", "import sys; from mim.cli import cli; sys.exit(cli())")

    def call(*arguments):
        done = subprocess.run(
            [*mim, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    options = ["train_cfg.max_epochs=1", "train_cfg.val_interval=1", "val_dataloader.num_workers=0"]
    options += ["param_scheduler.1.T_max=1", "param_scheduler.1.end=1"]
    options += ["train_dataloader.dataset.indices=4", "val_dataloader.persistent_workers=False"]
    options += ["model.backbone.name=resnet18_d", "val_dataloader.dataset.indices=2"]
    call(
        *("train", "mmdet", str(config), "--gpus", "0", "--work-dir", "work"),
        *("--cfg-options", *options),
    )
    result = json.loads((tmp_path / "work/result.json").read_text())
    assert (result["status"], result["backbone"]) == ("done", "resnet18_d")
    out = call(
        *("test", "mmdet", str(config), "--gpus", "0", "--checkpoint", "work/epoch_1.pth"),
        *("--cfg-options", "test_dataloader.dataset.indices=2", "model.backbone.name=resnet18_d"),
    )
    assert "pascal_voc/mAP" in out
