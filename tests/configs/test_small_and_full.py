"""The small and the full tier's detectors and segmenters train for real, on a few pictures.

Their own data sets, pipelines and schedules stay; only the number of steps (and, in the full tier,
the size of the images and the number of RoIs) is cut.
"""

import json
import os
import subprocess
import sys

import pytest
import torch

from tricklift import config_keys
from tricklift import train as training
from tricklift.cli import main

NO_WORKERS = [
    f"{loader}_dataloader.{key}"
    for loader in ("train", "val")
    for key in ("num_workers=0", "persistent_workers=False")
]
SHORT = {
    "det": ["train_cfg.max_epochs=1", "train_cfg.val_interval=1"],
    "seg": ["train_cfg.max_iters=2", "train_cfg.val_interval=2", "train_dataloader.batch_size=2"],
}
METRICS = {"det": "voc_map", "seg": "miou"}


@pytest.mark.parametrize(
    "name",
    [
        "det/small/faster_rcnn_fpn",
        "det/small/faster_rcnn_c4",
        "seg/small/fcn",
        "seg/small/pspnet",
        "det/cifar10/faster_rcnn_fpn",
        "seg/cifar10/fcn",
    ],
)
def test_small_tier_trains(name, small_root, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(small_root))
    task = name[:3]
    options = ["--cfg-options", *NO_WORKERS, *SHORT[task]]
    with pytest.raises(SystemExit) as ended:
        main(["train", name, "--out", str(tmp_path), *options])
    assert ended.value.code == 0
    check_result(tmp_path, task, name.split("/")[1])


@pytest.mark.slow
def test_small_tier_trains_with_mim(repo, small_root, tmp_path):
    config = repo / "configs/det/cifar10/faster_rcnn_c4.py"
    mim = (sys.executable, "-c", "import sys; from mim.cli import cli; sys.exit(cli())")
    done = subprocess.run(
        [
            *(*mim, "train", "mmdet", str(config), "--gpus", "0", "--work-dir", "work"),
            *("--cfg-options", *NO_WORKERS, *SHORT["det"]),
            *("param_scheduler.1.T_max=1", "param_scheduler.1.end=1"),
        ],
        cwd=tmp_path,
        env={**os.environ, "TRICKLIFT_ROOT": str(small_root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    check_result(tmp_path / "work", "det", "cifar10")


def check_result(folder, task: str, tier: str) -> None:
    """Two steps left finite weights, and a result whose metric is a percent."""
    result = json.loads((folder / "result.json").read_text())
    assert (result["status"], result["task"], result["tier"]) == ("done", task, tier)
    assert 0 <= result["metrics"][METRICS[task]] <= 100
    (checkpoint,) = folder.glob("epoch_1.pth" if task == "det" else "iter_2.pth")
    saved = torch.load(checkpoint, weights_only=False)
    assert saved["meta"]["iter"] == 2
    assert all(value.isfinite().all() for value in saved["state_dict"].values())


FULL = {
    "det/full/faster_rcnn_c4": {
        "train_cfg.max_epochs": 1,
        "train_cfg.val_interval": 1,
        "train_dataloader.dataset.datasets.0.pipeline.2.scale": (160, 96),
        "train_dataloader.dataset.datasets.1.pipeline.2.scale": (160, 96),
        "val_dataloader.dataset.pipeline.1.scale": (160, 96),
        "model.train_cfg.rcnn.sampler.num": 16,
        "model.test_cfg.rpn.max_per_img": 16,
    },
    "seg/full/fcn": {
        "train_cfg.max_iters": 2,
        "train_cfg.val_interval": 2,
        "train_dataloader.dataset.pipeline.2.scale": (320, 80),
        "train_dataloader.dataset.pipeline.3.crop_size": (64, 64),
        "model.data_preprocessor.size": (64, 64),
        "val_dataloader.dataset.pipeline.1.scale": (320, 80),
    },
}


@pytest.fixture
def full(request, full_root, tmp_path, monkeypatch):
    """The Runner of a full leaf after two steps and one validation."""
    monkeypatch.setenv("TRICKLIFT_ROOT", str(full_root))
    name = request.param
    options = config_keys.parse_options(NO_WORKERS) | FULL[name]
    runner = training.build_runner(training.build_config(name, work_dir=tmp_path, options=options))
    runner.model.init_weights()  # training does not do it a second time
    runner.start = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    check_result(tmp_path, name[:3], "full")
    return runner


def moved(runner, key: str) -> bool:
    return not torch.equal(runner.start[key], runner.model.state_dict()[key])


@pytest.mark.parametrize("full", ["det/full/faster_rcnn_c4"], indirect=True)
def test_the_papers_detector_trains_on_both_years(full):
    parts = full.train_dataloader.dataset.datasets
    assert [len(part) for part in parts] == [1, 1]
    assert moved(full, "roi_head.shared_head.stage.0.conv1.weight")
    assert moved(full, "backbone.net.stages.1.0.conv1.weight")
    assert not moved(full, "backbone.net.stages.0.0.conv1.weight"), "layer1 is frozen"
    assert not any(moved(full, key) for key in full.start if "norm" in key), "norms stand still"
    # 1e-3 for one image a step; warmup from a third, of which two of 999 steps are over.
    wanted = 1e-3 * (1 / 3 + 2 / 3 * 2 / 999)
    rates = {group["lr"] for group in full.optim_wrapper.optimizer.param_groups} - {0.0}
    assert max(rates) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("full", ["seg/full/fcn"], indirect=True)
def test_the_papers_segmenter_trains_on_150_classes(full):
    for part in ("decode_head.conv_seg", "auxiliary_head.conv_seg", "backbone.net.stem.conv1"):
        assert moved(full, f"{part}.weight"), part
    assert len(full.train_dataloader.dataset.metainfo["classes"]) == 150
    # Two images a step are an eighth of 16: the rate is 0.01 / 8 and ten times that in the heads.
    rates = sorted({round(g["initial_lr"], 8) for g in full.optim_wrapper.optimizer.param_groups})
    assert rates == [0.00125, 0.0125]
