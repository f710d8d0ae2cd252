"""--log-to (docs/sharing.md): the same metrics in TensorBoard, Weights & Biases and MLflow."""

import importlib.util
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tricklift import log_to
from tricklift.errors import UserError
from tricklift.train import build_config

SECRETS = {"WANDB_API_KEY": "a1b2c3d4e5" * 4, "MLFLOW_TRACKING_PASSWORD": "a-password-of-mine"}
#: What each training logs, and what its validation gives.
NAMES = {"loss", "lr", "accuracy/top1", "accuracy/top5"}
CONFIG = "cls/mini/resnet18_b-baseline"
QUICK = [
    *("train_dataloader.batch_size=32", "train_cfg.max_epochs=1", "train_cfg.val_interval=1"),
    *("+model.backbone.width=0.125", "default_hooks.logger.interval=1"),
    *(f"{loader}_dataloader.num_workers=0" for loader in ("train", "val")),
    *(f"{loader}_dataloader.persistent_workers=False" for loader in ("train", "val")),
]


def kinds(cfg) -> list[str]:
    return [backend["type"] for backend in cfg.visualizer.vis_backends]


@pytest.mark.parametrize("config", ["cls/mini/resnet18_b-baseline", "seg/mini"])
def test_backends_are_added_once_beside_the_files(config):
    plain = build_config(config)
    cfg = build_config(config, log_to=["tensorboard"])
    assert sorted(kinds(cfg)) == sorted({*kinds(plain), "TensorboardVisBackend"})
    assert cfg.visualizer.type == plain.visualizer.type


def test_what_is_refused(monkeypatch):
    with pytest.raises(UserError, match=r"tensorboard, wandb, mlflow, got 'wandbb'; did you mean"):
        build_config(CONFIG, log_to=["wandbb"])
    monkeypatch.setattr(log_to, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install wandb .*'\.\[wandb\]'"):
        build_config(CONFIG, log_to=["wandb"])


def test_a_password_in_an_address_is_refused(monkeypatch):
    monkeypatch.setattr(log_to, "find_spec", lambda name: name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@host/")
    with pytest.raises(UserError, match="MLFLOW_TRACKING_PASSWORD") as error:
        build_config(CONFIG, log_to=["mlflow"])
    assert "secret" not in str(error.value)


def test_the_identity_of_a_run_leaves_them_out(monkeypatch):
    from tricklift.records.identity import config_hash

    pytest.importorskip("wandb")
    pytest.importorskip("mlflow")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    plain, watched = build_config(CONFIG), build_config(CONFIG, log_to=["wandb", "mlflow"])
    assert config_hash(plain) == config_hash(watched)


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """A user who is logged in nowhere."""
    for key in [key for key in os.environ if key.startswith(("WANDB_", "MLFLOW_", "NETRC"))]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, r"nobody is logged in; run 'wandb login', .*WANDB_MODE=offline"),
        ({"WANDB_API_KEY": "short"}, r"cannot start \(.*40.*\); correct its WANDB_ variables"),
        ({"WANDB_API_KEY": SECRETS["WANDB_API_KEY"]}, ""),
        ({"WANDB_MODE": "offline"}, ""),
        ({"WANDB_MODE": "disabled"}, ""),
        ({"WANDB_MODE": "sideways"}, "cannot start"),
    ],
)
def test_a_login_to_wandb_is_looked_for_before_the_work(nobody, monkeypatch, variables, said):
    pytest.importorskip("wandb")
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    if not said:
        log_to.check(["wandb"])
        return
    with pytest.raises(UserError, match=said):
        log_to.check(["wandb"])
    with pytest.raises(UserError, match=said):
        build_config(CONFIG, log_to=["wandb"])
    monkeypatch.setenv("RANK", "1")
    build_config(CONFIG, log_to=["wandb"])  # the first process says it, and writes alone


def test_a_login_that_is_kept_in_a_file(nobody, tmp_path):
    pytest.importorskip("wandb")
    held = f"machine api.wandb.ai login user password {SECRETS['WANDB_API_KEY']}\n"
    (tmp_path / ".netrc").write_text(held)
    log_to.check(["wandb"])


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "nonsense://host"])
def test_a_server_of_mlflow_is_asked_before_the_work(nobody, monkeypatch, uri):
    pytest.importorskip("mlflow")
    log_to.check(["mlflow"])  # files
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match=rf"{uri} takes no runs \(.+\); correct MLFLOW_TRACKING"):
        log_to.check(["mlflow"])


@pytest.fixture
def trained(tiny_root, tmp_path):
    """Trains two steps by the command line; offline, with secrets in the environment."""

    def train(name: str) -> Path:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"the extra {name!r} is not installed")
        work_dir = tmp_path / "cls" / "net" / "seed0"
        environment = {**os.environ, **SECRETS, "TRICKLIFT_ROOT": str(tiny_root)}
        environment |= {"WANDB_MODE": "offline", "TRICKLIFT_LOG_TO": name, "HOME": str(tmp_path)}
        environment.pop("MLFLOW_TRACKING_URI", None)
        command = [sys.executable, "-P", "-m", "tricklift", "train", CONFIG]
        command += ["--work-dir", work_dir, "--cfg-options", *QUICK]
        run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert run.returncode == 0, run.stderr[-3000:]
        assert json.loads((work_dir / "result.json").read_text())["status"] == "done"
        for file in tmp_path.rglob("*"):
            content = file.read_bytes() if file.is_file() else b""
            assert not any(it.encode() in content for it in SECRETS.values()), file
        assert not any(it in run.stdout + run.stderr for it in SECRETS.values())
        return work_dir

    return train


@pytest.mark.slow
def test_tensorboard(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    work_dir = trained("tensorboard")
    held = EventAccumulator(str(next(work_dir.rglob("events.out.tfevents*")).parent)).Reload()
    assert set(held.Tags()["scalars"]) >= NAMES
    assert any("config" in tag for tag in held.Tags()["tensors"])


def wandb_records(file: Path) -> list:
    """Of an offline run: LevelDB's log (blocks of 32 KiB; crc, length, kind) behind 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    content, place, record, found = file.read_bytes(), 7, b"", []
    while place + 7 <= len(content):
        if (left := (-place) % 32768) and left < 7:
            place += left
            continue
        length, kind = struct.unpack("<HB", content[place + 4 : place + 7])
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            found.append(wandb_internal_pb2.Record.FromString(record))
            record = b""
    return found


@pytest.mark.slow
def test_wandb(trained):
    records = wandb_records(next(trained("wandb").rglob("run-*.wandb")))
    history = [item for it in records if it.HasField("history") for item in it.history.item]
    assert {it.key or ".".join(it.nested_key) for it in history} >= NAMES
    (run,) = [it.run for it in records if it.HasField("run")]
    assert (run.project, run.display_name) == ("tricklift", "cls/net/seed0")
    config = {
        it.key or it.nested_key[0]: it.value_json
        for record in records
        for it in (*record.config.update, *record.run.config.update)
    }
    assert json.loads(config["model"])["backbone"]["name"] == "resnet18_b"


@pytest.mark.slow
def test_mlflow(trained, monkeypatch):
    work_dir = trained("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow.tracking import MlflowClient

    place = next(work_dir.rglob("meta.yaml")).parents[1]
    if (place / "meta.yaml").is_file():
        place = place.parent
    client = MlflowClient(f"file://{place}")
    (experiment,) = [it for it in client.search_experiments() if it.name == "tricklift"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert set(run.data.metrics) >= NAMES and run.info.run_name == "cls/net/seed0"
    assert run.data.params["model.backbone.name"] == "resnet18_b"
    assert run.info.status == "FINISHED"
    assert {"config.py", "result.json"} <= {
        it.path for it in client.list_artifacts(run.info.run_id)
    }
