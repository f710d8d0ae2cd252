"""Training, resuming and testing real configs on a MiniWorld of a few pictures."""

import json
import subprocess
import sys

import pytest
import torch
from laid import rates
from stopping import train_and_stop

import backbones
from tricklift import configs
from tricklift import train as training

QUICK = {
    "train_dataloader.batch_size": 16,
    "train_dataloader.num_workers": 0,
    "train_dataloader.persistent_workers": False,
    "val_dataloader.num_workers": 0,
    "val_dataloader.persistent_workers": False,
    "test_dataloader.num_workers": 0,
    "test_dataloader.persistent_workers": False,
    "train_cfg.max_epochs": 1,
    "train_cfg.val_interval": 1,
    "model.backbone.width": 0.25,
}
BASELINE = "cls/mini/resnet18_b-baseline"
#: Batches of an epoch, so that warmups by iterations fit into half of each training.
PER_EPOCH = 150
#: Where in a training rates are compared.
PLACES = (0.45, 0.7, 0.9, 1.0)
_followed: set[str] = set()


@pytest.fixture
def root(tiny_root, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    return tiny_root


@pytest.mark.parametrize("name", configs.short_names())
def test_every_config_resolves_and_carries_its_labels(name):
    cfg = training.build_config(name)
    task, tier, _ = name.split("/")
    assert cfg.benchmark.task == task
    assert cfg.benchmark.tier == tier
    assert cfg.benchmark.dataset
    assert cfg.benchmark.protocol
    assert backbones.info(cfg.model.backbone.name).options
    assert "ResultHook" in [hook["type"] for hook in cfg.custom_hooks]
    assert cfg.work_dir == f"work_dirs/{name}"
    if task == "cls":
        assert cfg.row
        assert isinstance(cfg.tricks, list)
    schedule = repr((cfg.param_scheduler, cfg.train_cfg))
    if schedule not in _followed:  # many leaves share one
        _followed.add(schedule)
        short = cfg.train_cfg.get("max_epochs") or 10
        for factor in (0.5, 2) if short >= 10 else (5,):
            check_schedule_follows(name, cfg, factor)


def check_schedule_follows(name, leaf, factor):
    """A training of another length has the leaf's rates at the same parts of it."""
    key = "max_iters" if leaf.train_cfg.get("max_iters") else "max_epochs"
    length = max(1, round(leaf.train_cfg[key] * factor))
    cfg = training.build_config(name, options={f"train_cfg.{key}": length})
    assert cfg.train_cfg[key] == length
    usual, new = (rates(one, PER_EPOCH, lr=1.0) for one in (leaf, cfg))
    if any(item.type == "MultiStepLR" for item in leaf.param_scheduler):  # in whole epochs
        assert new[-1] == pytest.approx(usual[-1], rel=1e-6)
    else:
        # After a warmup of whole epochs
        if any(item.get("begin") for item in leaf.param_scheduler):
            usual, new = (one[one.index(max(one)) :] for one in (usual, new))
        for place in PLACES:
            was, now = (one[round(place * len(one)) - 1] for one in (usual, new))
            assert now == pytest.approx(was, abs=0.01)


def test_arguments_land_in_the_config(tmp_path):
    file = tmp_path / "b.safetensors"
    file.write_bytes(b"")
    cfg = training.build_config(
        "det/mini/faster_rcnn_fpn",
        work_dir=tmp_path / "w",
        seed=5,
        backbone="resnet18_d",
        pretrained=str(file),
        amp=True,
        resume="auto",
        keep_last=5,
    )
    assert cfg.work_dir == str(tmp_path / "w")
    assert cfg.randomness.seed == 5
    assert cfg.model.backbone.name == "resnet18_d"
    assert cfg.model.backbone.checkpoint == str(file)
    assert cfg.optim_wrapper.type == "AmpOptimWrapper"
    assert cfg.resume is True
    assert cfg.default_hooks.checkpoint.max_keep_ckpts == 5
    zoo = training.build_config("seg/mini/fcn", pretrained="timm/resnet18")
    assert zoo.model.backbone.checkpoint == "timm/resnet18"
    assert (
        training.build_config("seg/mini/fcn", pretrained="none").model.backbone.checkpoint is None
    )


def test_a_width_stays_where_the_network_has_one():
    for name, width in (("resnet34_d", 0.5), ("seresnet18_b", 0.5), ("timm/resnet18d", None)):
        for config in ("cls/small/resnet18_b-standard", "seg/small/fcn"):
            cfg = training.build_config(config, backbone=name)
            assert cfg.model.backbone.get("width") == width
            assert cfg.model.backbone.name == name


def test_tricks_go_over_a_config_and_name_the_row():
    cfg = training.build_config(BASELINE, tricks=["cosine", "label_smoothing"])
    assert cfg.tricks == ["cosine", "label_smoothing"]
    assert cfg.row == "B-baseline + cosine + label_smoothing"
    cfg = training.build_config("cls/mini/resnet18_d-tricks", tricks=["ema"])
    assert cfg.row == "D-tricks + ema"
    assert cfg.tricks[-1] == "ema" and "mixup" in cfg.tricks
    with pytest.raises(ValueError, match=r"trick 'cosine' is on already"):
        training.build_config("cls/mini/resnet18_d-tricks", tricks=["cosine"])
    with pytest.raises(ValueError, match=r"unknown trick 'cosin'.*did you mean 'cosine'"):
        training.build_config(BASELINE, tricks=["cosin"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"pretrained": "gone.safetensors"}, FileNotFoundError, "--pretrained: no file 'gone"),
        ({"resume": "gone.pth"}, FileNotFoundError, "--resume: no file 'gone.pth'"),
        ({"keep_last": 0}, ValueError, "--keep-last: give 1 or more, got 0"),
        ({"auto_scale_lr": True}, ValueError, "has no auto_scale_lr.base_batch_size"),
        ({"options": {"train_cfg.max_epoch": 1}}, ValueError, "did you mean 'max_epochs'"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_runs(arguments, error, message):
    with pytest.raises(error, match=message):
        training.build_config("det/mini/faster_rcnn_fpn", **arguments)


@pytest.mark.parametrize("by", [{"tricks": ["linear_scaling"]}, {"auto_scale_lr": True}])
def test_a_rate_is_not_scaled_to_a_part_of_a_step(by):
    """mmengine scales by the loader's batch; four of them a step would train at a quarter."""
    four = {"+optim_wrapper.accumulative_counts": 4}
    with pytest.raises(ValueError, match=r"images of one pass, and a step here takes 4 \(optim_w"):
        training.build_config(BASELINE, options=four, **by)
    cfg = training.build_config(BASELINE, options=four)  # not scaled
    assert cfg.optim_wrapper.accumulative_counts == 4
    one = {"+optim_wrapper.accumulative_counts": 1}
    assert training.build_config(BASELINE, options=one, **by).auto_scale_lr.enable
    by_hand = {**four, "auto_scale_lr.enable": False, "optim_wrapper.optimizer.lr": 0.4}
    cfg = training.build_config(BASELINE, tricks=["linear_scaling"], options=by_hand)
    assert cfg.optim_wrapper.optimizer.lr == 0.4


def test_a_rate_is_scaled_by_one_of_two_ways_that_ask_for_it():
    """The trick and the option: the config's rate stays, and mmengine scales it once."""
    cfg = training.build_config(BASELINE, tricks=["linear_scaling"], auto_scale_lr=True)
    plain = training.build_config(BASELINE)
    assert cfg.optim_wrapper.optimizer.lr == plain.optim_wrapper.optimizer.lr
    assert cfg.auto_scale_lr.enable and not plain.auto_scale_lr.get("enable")
    with pytest.raises(ValueError, match="trick 'linear_scaling' is named 2 times"):
        training.build_config(BASELINE, tricks=["linear_scaling", "linear_scaling"])


def test_a_config_without_our_backbone_has_no_place_for_one(tmp_path):
    file = tmp_path / "stock.py"
    file.write_text("model = dict(type='X', backbone=dict(type='ResNet', depth=50))\n")
    with pytest.raises(ValueError, match=r"stock.py has no model.backbone.name to set"):
        training.build_config(file, backbone="resnet18_b")


@pytest.mark.parametrize(
    ("config", "tricks"),
    [("cls/mini/resnet18_d-tricks", []), (BASELINE, ["resnet_d"]), ("seg/mini/fcn", ["resnet_d"])],
)
def test_a_backbone_that_would_undo_a_trick(config, tricks):
    want = f"--backbone: {config} chooses its network by the trick resnet_d, which another .*18_b"
    with pytest.raises(ValueError, match=want):
        training.build_config(config, tricks=tricks, backbone="resnet18_b")
    cfg = training.build_config(config, tricks=tricks, backbone="resnet18_d")  # its own
    assert cfg.model.backbone.name == "resnet18_d" and "resnet_d" in cfg.tricks


def test_options_cannot_undo_a_trick():
    options = {"model.backbone.name": "resnet18_b"}
    want = (
        f"--cfg-options model.backbone.name: {BASELINE} chooses its network by the trick resnet_d"
    )
    with pytest.raises(ValueError, match=want):
        training.build_config(BASELINE, tricks=["resnet_d"], options=options)


@pytest.mark.parametrize(
    ("options", "lengths"),
    [
        ({"train_cfg.max_epochs": 30}, [(0, 1), (1, 30)]),
        ({"train_cfg.max_epochs": 30, "warmup_epochs": 2}, [(0, 2), (2, 30)]),
        ({"train_cfg.max_epochs": 30, "param_scheduler.1.end": 20}, [(0, 1), (1, 20)]),
        ({"train_cfg.max_epochs": 1}, [(0, 1), (1, 10)]),  # warmup alone; cosine never starts
    ],
)
def test_warmup_and_cosine_follow_the_options(options, lengths):
    cfg = training.build_config("cls/mini/resnet18_d-tricks", options=options)
    assert [(s.begin, s.end) for s in cfg.param_scheduler] == lengths


def test_unknown_backbone_says_which_there_are(root, tmp_path):
    cfg = training.build_config(BASELINE, work_dir=tmp_path, backbone="resnet18_x")
    with pytest.raises(ValueError, match="unknown backbone 'resnet18_x'"):
        training.train(cfg)


def test_train_resume_and_test(root, tmp_path):
    first = training.build_config(BASELINE, work_dir=tmp_path, seed=1, options=QUICK)
    assert training.train(first) == tmp_path
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["status"] == "done"
    assert result["row"] == "B-baseline"
    assert result["seed"] == 1
    assert 0 <= result["metrics"]["top1"] <= 100

    # The second epoch from the checkpoint, and nothing of the first again.
    folder, longer = tmp_path / "two", {**QUICK, "train_cfg.max_epochs": 2}
    second = training.build_config(BASELINE, work_dir=folder, options=longer)
    train_and_stop(training.build_runner(second), epoch=1)
    training.train(training.build_config(BASELINE, work_dir=folder, options=longer, resume="auto"))
    assert sorted(file.name for file in folder.glob("epoch_*.pth")) == [
        "epoch_1.pth",
        "epoch_2.pth",
    ]
    log = "".join(file.read_text() for file in sorted(folder.rglob("*.log")))
    assert "resumed epoch: 1" in log
    result = json.loads((folder / "result.json").read_text())

    metrics = training.test(
        training.build_config(BASELINE, work_dir=tmp_path / "t", options=QUICK),
        folder / "epoch_2.pth",
    )
    assert metrics["accuracy/top1"] == pytest.approx(result["metrics"]["top1"], abs=0.01)


def test_runs_of_one_second_have_logs_of_their_own(tiny, tmp_path):
    """mmengine knows a run's logger by config and second."""
    for place in range(3):
        cfg = tiny.config(tmp_path / str(place), experiment_name="same", log_level="INFO")
        training.build_runner(cfg)
    logs = [file.read_text() for file in sorted(tmp_path.rglob("*.log"))]
    assert len(logs) == 3 and all("Hooks will be executed" in log for log in logs)


def test_a_checkpoint_of_another_model_is_refused(root, tmp_path):
    file = tmp_path / "other.pth"
    torch.save({"state_dict": {"backbone.stem.0.weight": torch.zeros(1)}}, file)
    cfg = training.build_config(BASELINE, work_dir=tmp_path / "w", options=QUICK)
    with pytest.raises(ValueError, match=r"other.pth is not of this model: \d+ keys do not"):
        training.test(cfg, file)
    cfg = training.build_config(BASELINE, work_dir=tmp_path / "w", options=QUICK, resume=str(file))
    with pytest.raises(ValueError, match=r"\(missing\).* test or resume with the config"):
        training.train(cfg)
    assert not (tmp_path / "w" / "result.json").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04cut off"])
def test_a_file_that_is_no_checkpoint_is_named(root, tmp_path, content):
    file = tmp_path / "broken.pth"
    file.write_bytes(content)
    cfg = training.build_config(BASELINE, work_dir=tmp_path / "w", options=QUICK)
    with pytest.raises(ValueError, match=r"broken.pth is not a checkpoint that can be read \("):
        training.test(cfg, file)


def test_test_wants_a_training_checkpoint(tmp_path):
    cfg = training.build_config(BASELINE)
    with pytest.raises(FileNotFoundError, match=r"checkpoint: no file 'gone.pth'"):
        training.test(cfg, "gone.pth")
    file = tmp_path / "b.safetensors"
    file.write_bytes(b"")
    with pytest.raises(ValueError, match=r"is an exported backbone; 'test' takes a .pth file"):
        training.test(cfg, file)


def test_missing_data_stop_before_training(tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tmp_path / "nowhere"))
    cfg = training.build_config(BASELINE, work_dir=tmp_path / "w", options=QUICK)
    with pytest.raises((ValueError, FileNotFoundError), match="nowhere/miniworld/imagenet"):
        training.train(cfg)
    assert not (tmp_path / "w" / "result.json").exists()


def test_other_classes_than_the_models_stop_before_training(root, tmp_path):
    options = {**QUICK, "model.num_classes": 10}
    cfg = training.build_config(BASELINE, work_dir=tmp_path, options=options)
    with pytest.raises(ValueError, match=r"has 12 classes, but model.num_classes is 10; set"):
        training.train(cfg)
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("tricks", [[], ["warmup", "cosine"]])
def test_fewer_images_than_a_batch_stop_before_training(root, tmp_path, tricks):
    """Schedules that count iterations would fail by mmengine's assertion first."""
    options = {**QUICK, "train_dataloader.batch_size": 65}
    cfg = training.build_config(BASELINE, work_dir=tmp_path, tricks=tricks, options=options)
    with pytest.raises(ValueError, match=r"64 images on 1 process .* make no batch of 65; set"):
        training.train(cfg)
    assert not (tmp_path / "result.json").exists()


def test_own_imports_leave_ours_in_a_process_that_imported_nothing_else(tmp_path, repo):
    (tmp_path / "own.py").write_text(
        f"_base_ = {str(repo / 'configs/det/mini/faster_rcnn_fpn.py')!r}\n"
        "custom_imports = dict(imports=['json'], allow_failed_imports=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "tricklift", "train", "own.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    # the parts are registered, and the data are what it lacks
    assert "`tricklift prepare miniworld --root DIR`" in done.stderr.splitlines()[-1]
