"""Every trick that a classifier can have trains for real; EMA and early stopping in all tasks."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

import backbones
from backbones.export import export
from backbones.files import read, save
from tricklift import train as training
from tricklift.tricks import known
from tricklift.tricks.names import tasks_in

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
QUICK = {
    **{f"{loader}.num_workers": 0 for loader in LOADERS},
    **{f"{loader}.persistent_workers": False for loader in LOADERS},
}
CLS = {
    **QUICK,
    "train_dataloader.batch_size": 32,  # two steps an epoch
    "train_cfg.max_epochs": 1,
    "train_cfg.val_interval": 1,
    "model.backbone.width": 0.125,
}
DET = {
    **QUICK,
    "train_dataloader.batch_size": 2,
    "+train_dataloader.dataset.indices": 4,
    "+val_dataloader.dataset.indices": 2,
    "train_cfg.max_epochs": 1,
    "model.backbone.width": 0.25,
}
SEG = {
    **QUICK,
    "train_dataloader.batch_size": 2,
    "+val_dataloader.dataset.indices": 2,
    "train_cfg.max_iters": 2,
    "train_cfg.val_interval": 1,
    "default_hooks.checkpoint.interval": 1,
    "model.backbone.width": 0.25,
}
BASELINE = "cls/mini/resnet18_b-baseline"
#: Of tricks that the baseline has already (which is refused): lines that take them off.
WITHOUT = {
    "resnet_b": "model = dict(backbone=dict(name='resnet18_d'))",
    "xavier_init": "model = dict(backbone=dict(init='kaiming'))",
    "mixed_precision": (
        "optim_wrapper = dict(_delete_=True, type='OptimWrapper', "
        "optimizer=dict(type='SGD', lr=0.02))"
    ),
}
FOLDER = Path(__file__).resolve().parents[2] / "configs" / "_base_" / "tricks"


@pytest.fixture
def root(tiny_root, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    return tiny_root


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> str:
    """An exported teacher for MiniWorld's twelve classes."""
    network = backbones.build("resnet18_d", num_classes=12, width=0.125)
    file = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    metadata = {"architecture": "resnet18_d", "options": json.dumps({"width": 0.125})}
    save(file, network.state_dict(), metadata)
    return str(file)


def result_of(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())


def kept(file: Path) -> dict:
    return torch.load(file, weights_only=False, map_location="cpu")


@pytest.mark.parametrize(
    "name", [name for name in known() if "cls" in tasks_in(FOLDER / f"{name}.py")]
)
def test_every_trick_of_a_classifier_trains(name, root, teacher, tmp_path):
    options = dict(CLS)
    if name == "distillation":
        options["model.distillation.teacher.name"] = "resnet18_d"
        options["model.distillation.teacher.checkpoint"] = teacher
    config = tmp_path / "leaf.py"
    base = FOLDER.parents[1] / f"{BASELINE}.py"
    config.write_text(f"_base_ = [{str(base)!r}]\n{WITHOUT.get(name, '')}\n")
    cfg = training.build_config(config, work_dir=tmp_path, tricks=[name], options=options)
    training.train(cfg)
    result = result_of(tmp_path)
    assert (result["status"], result["tricks"], result["iters"]) == ("done", [name], 2)
    assert result["row"] == f"B-baseline + {name}"
    state = kept(tmp_path / "epoch_1.pth")["state_dict"]
    assert all(torch.isfinite(value).all() for value in state.values())


class Watching(Hook):
    """Notes the head's weights whenever a batch is validated."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        self.seen.append(runner.model.backbone.fc.weight.detach().clone())


def test_ema_is_what_is_validated_tested_and_exported(root, tmp_path):
    options = {**CLS, "train_dataloader.batch_size": 16}
    cfg = training.build_config(BASELINE, work_dir=tmp_path, tricks=["ema"], options=options)
    runner, watching = training.build_runner(cfg), Watching()
    runner.register_hook(watching)
    runner.train()

    file = tmp_path / "epoch_1.pth"
    checkpoint = kept(file)
    average = checkpoint["state_dict"]["backbone.fc.weight"]
    trained = checkpoint["ema_state_dict"]["module.backbone.fc.weight"]
    assert not torch.equal(average, trained)
    torch.testing.assert_close(runner.model.backbone.fc.weight.detach(), trained)
    assert watching.seen
    for weights in watching.seen:
        torch.testing.assert_close(weights, average)

    key = "fc.weight"
    export(file, tmp_path / "ema.safetensors", ema=True)
    export(file, tmp_path / "raw.safetensors")
    assert torch.equal(read(tmp_path / "ema.safetensors").state[key], average)
    assert torch.equal(read(tmp_path / "raw.safetensors").state[key], trained)

    again = training.build_config(BASELINE, work_dir=tmp_path / "t", tricks=["ema"], options=CLS)
    metrics = training.test(again, file)
    assert metrics["accuracy/top1"] == pytest.approx(result_of(tmp_path)["metrics"]["top1"])


def test_ema_remembers_the_last_tenth(root, tmp_path):
    """By hand: after step t, average += 10 / (10 + t) of the way to the weights."""
    options = {**CLS, "train_dataloader.batch_size": 16}
    cfg = training.build_config(BASELINE, work_dir=tmp_path, tricks=["ema"], options=options)
    runner = training.build_runner(cfg)
    weights = []

    class Noting(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            weights.append(runner.model.backbone.fc.weight.detach().clone())

    runner.register_hook(Noting())
    runner.train()
    want = weights[0]
    for step, new in enumerate(weights[1:], start=1):
        want = want + 10 / (10 + step) * (new - want)
    average = kept(tmp_path / "epoch_1.pth")["state_dict"]["backbone.fc.weight"]
    assert len(weights) == 4
    torch.testing.assert_close(average, want)


def test_early_stopping_ends_a_run(root, tmp_path):
    """No rise ever counts here: the first validation is the best, the second one ends the run."""
    options = {
        **CLS,
        "train_cfg.max_epochs": 6,
        "custom_hooks.1.min_delta": 1000.0,
        "custom_hooks.1.patience": 1,
    }
    cfg = training.build_config(
        BASELINE, work_dir=tmp_path, tricks=["early_stopping"], options=options
    )
    training.train(cfg)
    result = result_of(tmp_path)
    assert (result["status"], result["epochs"], result["iters"]) == ("done", 2, 4)
    assert {file.name for file in tmp_path.glob("epoch_*.pth")} == {"epoch_1.pth", "epoch_2.pth"}


def test_averaging_clipping_and_early_stopping_in_a_segmenter(root, tmp_path):
    tricks = ["ema", "gradient_clipping", "early_stopping"]
    options = {
        **SEG,
        "train_cfg.max_iters": 5,
        "custom_hooks.2.min_delta": 1000.0,
        "custom_hooks.2.patience": 1,
    }
    for resume in (None, "auto"):  # the second run finds that it has ended
        cfg = training.build_config(
            "seg/mini/fcn",
            work_dir=tmp_path,
            seed=1,
            tricks=tricks,
            options=options,
            resume=resume,
        )
        cfg.experiment_name = f"resume {resume}"  # or they share a message hub
        training.train(cfg)
        result = result_of(tmp_path)
        assert result["tricks"] == ["gradient_clipping", "ema", "early_stopping"]
        assert (result["status"], result["iters"]) == ("done", 2)
    checkpoint = kept(tmp_path / "iter_2.pth")
    name = "decode_head.conv_seg.weight"
    assert not torch.equal(
        checkpoint["state_dict"][name], checkpoint["ema_state_dict"][f"module.{name}"]
    )


def test_averaging_and_early_stopping_in_a_detector(root, tmp_path):
    config = tmp_path / "longer.py"  # three epochs are too few to end early
    base = FOLDER.parents[1] / "det" / "mini" / "faster_rcnn_fpn.py"
    lines = ["train_cfg = dict(max_epochs=5)", "param_scheduler = _base_.param_scheduler"]
    lines += ["param_scheduler[1].update(T_max=5, end=5)"]
    config.write_text("\n".join([f"_base_ = [{str(base)!r}]", *lines]))
    cfg = training.build_config(
        config,
        work_dir=tmp_path,
        tricks=["ema", "early_stopping"],
        options=DET,
    )
    training.train(cfg)
    result = result_of(tmp_path)
    assert (result["status"], result["tricks"]) == ("done", ["ema", "early_stopping"])
    assert "ema_state_dict" in kept(tmp_path / "epoch_1.pth")
