"""Segmentation trains for real: a few steps of each head, resume, and OpenMMLab's tools."""

import json
import os
import subprocess
import sys
import uuid

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

import seg  # noqa: F401

FEW = {
    "train_dataloader.batch_size": 2,
    "train_dataloader.num_workers": 0,
    "train_dataloader.persistent_workers": False,
    "val_dataloader.num_workers": 0,
    "val_dataloader.persistent_workers": False,
    "val_dataloader.dataset.indices": 2,
    "train_cfg.max_iters": 2,
    "train_cfg.val_interval": 2,
    "param_scheduler.0.end": 2,
    "default_hooks.logger.interval": 1,
}


@pytest.fixture
def runner(repo, tiny_root, tmp_path, monkeypatch):
    """Build the Runner of a mini config, cut to two steps."""
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))

    def build(head, **options):
        config = Config.fromfile(repo / f"configs/seg/mini/{head}.py")
        config.merge_from_dict({**FEW, **options})
        config.work_dir = str(tmp_path / "work")
        config.experiment_name = uuid.uuid4().hex  # mmengine keeps its loggers by this name
        return Runner.from_cfg(config)

    return build


@pytest.mark.parametrize("head", ["fcn", "pspnet"])
def test_trains_and_leaves_a_result(runner, head, tmp_path):
    run = runner(head)
    run.model.init_weights()  # training does not do it a second time
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    run.train()
    after = run.model.state_dict()
    assert run.iter == 2
    assert all(torch.isfinite(value).all() for value in after.values())
    for part in ("backbone.net.stem.conv1", "decode_head.conv_seg", "auxiliary_head.conv_seg"):
        assert not torch.equal(before[f"{part}.weight"], after[f"{part}.weight"]), part
    result = json.loads((tmp_path / "work/result.json").read_text())
    assert (result["status"], result["task"], result["row"]) == ("done", "seg", "random init")
    assert all(0 <= result["metrics"][key] <= 100 for key in ("pix_acc", "miou", "macc"))
    classes = result["per_class"]["miou"].values()
    assert sum(classes) / len(classes) == pytest.approx(result["metrics"]["miou"], abs=0.01)
    assert (tmp_path / "work/iter_2.pth").is_file()


def test_heads_learn_ten_times_faster(runner):
    run = runner("fcn")
    wrapper = run.build_optim_wrapper(run.cfg.optim_wrapper)
    rates = {}
    for name, parameter in run.model.named_parameters():
        for group in wrapper.param_groups:
            if any(parameter is held for held in group["params"]):
                rates.setdefault(name.split(".")[0], set()).add(group["lr"])
    base = run.cfg.optim_wrapper.optimizer.lr
    assert rates.keys() == {"backbone", "decode_head", "auxiliary_head"}
    assert rates["backbone"] == {base}
    assert rates["decode_head"] == rates["auxiliary_head"] == {10 * base}


def test_resumes(runner, tmp_path):
    longer = {"train_cfg.max_iters": 3, "param_scheduler.0.end": 3}
    kept = {"default_hooks.checkpoint.interval": 2, "default_hooks.checkpoint.max_keep_ckpts": 2}
    runner("fcn", **kept, **longer).train()
    again = runner("fcn", resume=True, load_from=str(tmp_path / "work/iter_2.pth"), **longer)
    seen = []
    real = again.train_loop.run_iter
    again.train_loop.run_iter = lambda batch: (seen.append(again.iter), real(batch))
    again.train()
    assert seen == [2], "the first two steps are not run again"
    assert (tmp_path / "work/iter_3.pth").is_file()


def test_bad_data_stop_a_run_before_it_trains(runner, ade, tmp_path):
    ade.mask("b", (0, 1, 40))
    run = runner("fcn", **{"train_dataloader.dataset.data_root": str(ade.root)})
    with pytest.raises(ValueError, match=r"b.png: label ids 40 are above the 17 classes"):
        run.train()
    assert not list((tmp_path / "work").glob("*.pth"))
    assert not (tmp_path / "work/result.json").exists()


def by_epochs(batch: int, drop_last: bool = False) -> dict:
    """One epoch of five images in batches, in the place of a number of iterations."""
    return {
        "train_cfg": {"_delete_": True, "by_epoch": True, "max_epochs": 1, "val_interval": 1},
        "train_dataloader.batch_size": batch,
        "train_dataloader.drop_last": drop_last,
        "train_dataloader.sampler": {"_delete_": True, "type": "DefaultSampler", "shuffle": True},
        "train_dataloader.dataset.indices": 5,
        "param_scheduler": [{"type": "ConstantLR", "factor": 1.0}],
        "default_hooks.checkpoint.by_epoch": True,
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"train_dataloader.batch_size": 1}, r"set train_dataloader.batch_size to 2 or more"),
        (by_epochs(2), r"1 image \(5 in batches of 2\): set train_dataloader.drop_last=True"),
        (by_epochs(4), r"1 image \(5 in batches of 4\)"),
    ],
)
def test_a_batch_of_1_is_refused_where_a_head_normalises_over_1x1(runner, tmp_path, options, said):
    run = runner("pspnet", **options)
    with pytest.raises(
        ValueError, match=rf"model.decode_head.psp_modules.0.1.bn: .* in a batch of 1, .*{said}"
    ):
        run.train()
    assert run.iter == 0 and not list((tmp_path / "work").glob("*.pth"))


@pytest.mark.parametrize(
    ("head", "options"),
    [
        ("fcn", by_epochs(4)),
        ("pspnet", by_epochs(4, drop_last=True)),
    ],
)
def test_other_batches_train(runner, tmp_path, head, options):
    run = runner(head, **options)
    run.train()
    assert json.loads((tmp_path / "work/result.json").read_text())["status"] == "done"


@pytest.mark.slow
def test_mim_trains_and_tests(repo, tiny_root, tmp_path):
    config = repo / "configs/seg/mini/fcn.py"
    env = {**os.environ, "TRICKLIFT_ROOT": str(tiny_root), "OMP_NUM_THREADS": "1"}
    mim = (sys.executable, "-c", "import sys; from mim.cli import cli; sys.exit(cli())")

    def call(*arguments):
        done = subprocess.run(
            [*mim, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    options = ["train_cfg.max_iters=2", "train_cfg.val_interval=2", "param_scheduler.0.end=2"]
    options += ["train_dataloader.batch_size=2"]
    options += ["model.backbone.name=resnet18_d", "val_dataloader.dataset.indices=2"]
    call(
        *("train", "mmseg", str(config), "--gpus", "0", "--work-dir", "work"),
        *("--cfg-options", *options),
    )
    result = json.loads((tmp_path / "work/result.json").read_text())
    assert (result["status"], result["backbone"]) == ("done", "resnet18_d")
    out = call(
        *("test", "mmseg", str(config), "--gpus", "0", "--checkpoint", "work/iter_2.pth"),
        *("--cfg-options", "test_dataloader.dataset.indices=2", "model.backbone.name=resnet18_d"),
    )
    assert "mIoU" in out
