"""ResultHook in real runs of mmengine's Runner on a problem of one linear layer."""

import json
import subprocess

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import Runner

import backbones
from tricklift.records.results import source_commit


def top1(value: float) -> dict[str, float]:
    return {"accuracy/top1": value, "accuracy/top5": 99.0}


def test_last_metrics_count_and_best_stand_beside(tiny, tmp_path):
    result = tiny.train(tiny.config(tmp_path), top1(70.0), top1(60.0))
    assert result["status"] == "done"
    assert result["metrics"] == {"top1": 60.0, "top5": 99.0}
    assert result["best"]["top1"] == 70.0
    assert result["row"] == "B-baseline"
    assert result["backbone"] == "resnet18_b"
    assert result["options"] == {"width": 0.5}
    assert result["pretrained"] is None
    assert result["tricks"] == ["cosine"]
    assert result["seed"] == 3
    assert (result["epochs"], result["iters"]) == (2, 4)
    assert result["machine"]["torch"] == torch.__version__
    assert result["machine"]["amp_dtype"] == "float32"
    assert result["protocol"] == "one crop"
    assert result["wall_seconds"] > 0
    assert result["cpu_seconds"] > 0
    assert 50 < result["peak_memory"] < 20_000
    assert result["started"] <= result["finished"]
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".result")]


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        ("det", {"pascal_voc/mAP": 0.5, "pascal_voc/AP50": 0.5}, {"voc_map": 50.0}),
        (
            "seg",
            {"aAcc": 80.0, "mIoU": 40.0, "mAcc": float("nan")},
            {"pix_acc": 80.0, "miou": 40.0, "macc": None},
        ),
    ],
)
def test_metrics_of_downstream_tasks_in_percent(tiny, tmp_path, task, answer, expected):
    labels = dict(task=task, tier="mini", dataset="Points", protocol="p")
    result = tiny.train(tiny.config(tmp_path, benchmark=labels, tricks=[]), answer, answer)
    assert result["metrics"] == expected
    assert result["row"] == "random init"


@MODELS.register_module()
class NetworkTestModel(BaseModel):
    """Holds a network as a classifier does, and trains one layer beside it."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbones.build(num_classes=2, width=0.25, **backbone)
        self.fc = torch.nn.Linear(2, 1)

    def forward(self, x, mode="tensor"):
        x = torch.stack(x) if isinstance(x, list) else x
        return {"loss": self.fc(x).square().mean()} if mode == "loss" else list(self.fc(x))


@pytest.mark.parametrize(
    ("backbone", "row", "built_in"),
    [
        (dict(name="rednet26"), "B-baseline (zero_gamma built in)", ["zero_gamma"]),
        (dict(name="rednet26", zero_gamma=False), "B-baseline", []),
        (dict(name="resnet18_b"), "B-baseline", []),
    ],
)
def test_a_network_that_always_has_a_trick_says_so(tiny, tmp_path, backbone, row, built_in):
    cfg = tiny.config(tmp_path, model=dict(type="NetworkTestModel", backbone=backbone))
    result = tiny.train(cfg, top1(1.0), top1(1.0))
    assert (result["row"], result["built_in"]) == (row, built_in)


def test_running_until_the_end_and_resumed_time_adds_up(tiny, tmp_path):
    class Stop(Exception):
        pass

    cfg = tiny.config(tmp_path)
    tiny.answer(top1(70.0), top1(10.0))
    runner = Runner.from_cfg(cfg)
    validate, calls = runner.val_loop.run, []

    def stop_in_the_second_validation():
        calls.append(1)
        if len(calls) == 2:
            raise Stop
        return validate()

    runner.val_loop.run = stop_in_the_second_validation
    with pytest.raises(Stop):
        runner.train()
    before = json.loads((tmp_path / "result.json").read_text())
    assert before["status"] == "running"
    assert before["finished"] is None

    before |= {"wall_seconds": 1000.0, "cpu_seconds": 2000.0, "peak_memory": 90_000.0}
    (tmp_path / "result.json").write_text(json.dumps(before))
    # The checkpoint of the last epoch exists: only its validation is due.
    result = tiny.train(tiny.config(tmp_path, resume=True), top1(65.0))
    assert result["status"] == "done"
    assert result["metrics"]["top1"] == 65.0
    assert result["best"]["top1"] == 70.0
    assert result["wall_seconds"] > 1000.0
    assert result["cpu_seconds"] > 2000.0
    assert result["peak_memory"] == 90_000.0
    assert result["started"] == before["started"]


def test_a_fresh_run_takes_nothing_over(tiny, tmp_path):
    record = tiny.train(tiny.config(tmp_path), top1(90.0), top1(90.0)) | {"status": "running"}
    (tmp_path / "result.json").write_text(json.dumps(record))
    result = tiny.train(tiny.config(tmp_path), top1(50.0), top1(55.0))
    assert result["best"]["top1"] == 55.0


def test_validation_outside_of_training_writes_nothing(tiny, tmp_path):
    tiny.answer(top1(70.0))
    Runner.from_cfg(tiny.config(tmp_path)).val()
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("labels", [None, dict(task="cls"), dict(task="x", tier="m", dataset="d")])
def test_missing_labels_stop_before_training(tiny, tmp_path, labels):
    with pytest.raises(ValueError, match=r"benchmark=.* must be dict\(task=cls\|det\|seg"):
        tiny.train(tiny.config(tmp_path, benchmark=labels))


def test_wrong_evaluator_is_named(tiny, tmp_path):
    with pytest.raises(ValueError, match=r"gave \['mIoU'\], none of accuracy/top1, accuracy/top5"):
        tiny.train(tiny.config(tmp_path), {"mIoU": 1.0})


@pytest.mark.parametrize("loop", ["EpochBasedTrainLoop", "IterBasedTrainLoop"])
def test_less_than_one_batch_stops_before_training(tiny, tmp_path, loop):
    """Whatever began the run: here it is mmengine's Runner itself."""
    cfg = tiny.config(tmp_path)
    cfg.train_dataloader = dict(cfg.train_dataloader, batch_size=5, drop_last=True)
    if loop == "IterBasedTrainLoop":
        cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    want = (
        r"first step: 4 images on 1 process \(4 on each\) make no batch of 5; set .*batch_size to 4"
    )
    with pytest.raises(ValueError, match=want):
        tiny.train(cfg)
    assert not (tmp_path / "result.json").exists()


def test_a_sampler_without_an_end_fills_any_batch(tiny, tmp_path):
    cfg = tiny.config(tmp_path, train_cfg=dict(by_epoch=False, max_iters=2, val_interval=2))
    sampler = dict(type="InfiniteSampler", shuffle=True)
    cfg.train_dataloader = dict(cfg.train_dataloader, batch_size=5, drop_last=True, sampler=sampler)
    assert tiny.train(cfg, top1(50.0))["iters"] == 2


def test_the_commit_of_a_tree_and_whether_it_was_changed(tmp_path):
    def git(*command: str) -> str:
        who = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
        given = ["git", "-C", str(tmp_path), *who, *command]
        return subprocess.run(given, capture_output=True, text=True, check=True).stdout.strip()

    code = tmp_path / "tricklift" / "train.py"
    code.parent.mkdir()
    code.write_text("one = 1\n")
    assert source_commit(tmp_path) is None  # outside of git
    git("init", "-q")
    source_commit.cache_clear()
    assert source_commit(tmp_path) is None  # in a repository that does not hold it
    git("add", ".")
    git("commit", "-q", "-m", "one")
    source_commit.cache_clear()
    assert source_commit(tmp_path) == git("rev-parse", "HEAD")
    code.write_text("one = 2\n")
    source_commit.cache_clear()
    assert source_commit(tmp_path) == git("rev-parse", "HEAD") + "-dirty"
    source_commit.cache_clear()
