"""Jobs: what is done, what is to be resumed, what another config left."""

import dataclasses
import json
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import full, zeros

from tricklift.records.identity import config_hash
from tricklift.records.weights import weights_sha256
from tricklift.suite import jobs
from tricklift.suite.plan import plan
from tricklift.tables.compare import compare


@pytest.fixture
def training(tmp_path) -> jobs.Training:
    """A job with a real config."""
    name = "cls/resnet18_b-baseline/seed0"
    return jobs.Training(name, "cls/mini/resnet18_b-baseline", tmp_path / name, 0)


def leave(job: jobs.Training, **changes) -> None:
    """Writes the result file that a finished run of the job would leave."""
    job.work_dir.mkdir(parents=True, exist_ok=True)
    data = {
        "status": "done",
        "config_hash": config_hash(job.resolved()),
        "seed": job.seed,
        "metrics": {},
    }
    (job.work_dir / "result.json").write_text(json.dumps({**data, **changes}))


def export(file: Path, value: float, metadata: dict[str, str]) -> None:
    """Writes an exported file of one number."""
    file.parent.mkdir(exist_ok=True)
    save_file({"w": full((1,), value)}, str(file), metadata=metadata)


def test_state_of_a_training(training, tmp_path):
    assert training.state() == "new"
    leave(training, status="running")
    assert training.state() == "started"
    assert training.command(resume=True)[-1] == "--resume"
    leave(training)
    assert training.state() == "done"
    leave(training, config_hash="of another config")
    assert training.state() == "stale"
    leave(training, seed=1)
    assert training.state() == "stale"
    (training.work_dir / "result.json").write_text("{")
    assert training.state() == "new"
    (training.work_dir / "epoch_1.pth").touch()
    assert training.state() == "stale"


@pytest.mark.parametrize(
    ("option", "state"),
    [
        ("train_dataloader.num_workers=3", "started"),
        ("benchmark.protocol=reworded", "started"),
        ("default_hooks.logger.interval=7", "started"),
        ("test_evaluator.type=Another", "started"),
        ("train_dataloader.batch_size=7", "stale"),
        ("optim_wrapper.optimizer.momentum=0.8", "stale"),
    ],
)
def test_half_finished_work_is_begun_anew_only_for_other_numbers(training, option, state):
    leave(training, status="running")
    assert dataclasses.replace(training, options=(option,)).state() == state


def test_what_another_config_left_is_moved_and_not_counted(training, tmp_path):
    leave(training, config_hash="other")
    aside = training.clear(tmp_path)
    assert not training.work_dir.exists()
    assert (aside / "result.json").is_file()
    with pytest.raises(FileNotFoundError, match=r"no result.json"):
        compare(tmp_path)


def test_state_of_an_export(training, tmp_path):
    file = tmp_path / "b.safetensors"
    export = jobs.Export("export/b", training, file, (training.name,))
    assert export.state() == "new"
    leave(training)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint in .*; repeat its training"):
        export.command(resume=False)
    (training.work_dir / "epoch_8.pth").touch()
    (training.work_dir / "last_checkpoint").write_text("/moved/since/epoch_8.pth")
    assert export.command(resume=False)[-2:] == [
        str(training.work_dir / "epoch_8.pth"),
        str(file),
    ]
    save_file(
        {"w": zeros(1)}, str(file), metadata={"config_hash": config_hash(training.resolved())}
    )
    assert export.state() == "done"
    save_file({"w": zeros(1)}, str(file), metadata={"config_hash": "of another config"})
    assert export.state() == "new"


def test_a_new_pretraining_makes_what_follows_stale(tmp_path):
    (job,) = plan("mini", tmp_path, rows=["resnet18_b-baseline"])[3:]
    file = tmp_path / "exports" / "resnet18_b-baseline-seed0.safetensors"
    file.parent.mkdir()
    meta = {"architecture": "resnet18_b", "config_hash": "a"}
    save_file({"w": zeros(1)}, str(file), metadata=meta)
    leave(job)
    assert job.state() == "done"
    save_file({"w": zeros(1)}, str(file), metadata={**meta, "config_hash": "b"})
    assert job.state() == "stale"


def test_a_repeated_pretraining_makes_what_follows_stale_though_its_config_is_the_same(tmp_path):
    (job,) = plan("mini", tmp_path, rows=["resnet18_b-baseline"])[3:]
    file = tmp_path / "exports" / "resnet18_b-baseline-seed0.safetensors"
    meta = {"architecture": "resnet18_b", "config_hash": "a"}
    export(file, 0.0, meta)
    leave(job, pretrained={"file": str(file), "weights_sha256": weights_sha256(file)})
    assert job.state() == "done"
    export(file, 0.0, {**meta, "created": "later"})
    assert job.state() == "done"  # exported once more, of the same training
    export(file, 1.0, meta)
    assert job.state() == "stale"
    leave(job, status="running", pretrained={"file": str(file), "weights_sha256": "0"})
    assert job.state() == "stale"
    leave(job, pretrained={"file": str(file)})  # as earlier versions left it
    assert job.state() == "done"


def test_a_repeated_teacher_makes_its_students_stale(tmp_path):
    jobs_of_row = plan("cifar10", tmp_path, rows=["resnet18_d-distill"])
    job = next(job for job in jobs_of_row if job.name == "cls/resnet18_d-distill/seed0")
    file = tmp_path / "exports" / "resnet34_d-smooth-seed0.safetensors"
    meta = {"architecture": "resnet34_d", "config_hash": "a"}
    export(file, 0.0, meta)
    leave(job, teacher={"file": str(file), "weights_sha256": weights_sha256(file)})
    assert job.state() == "done"
    export(file, 1.0, meta)
    assert job.state() == "stale"


def test_of_a_run_with_ema_the_average_is_exported(tmp_path):
    training, export, *_ = plan("mini", tmp_path, rows=["resnet18_b-baseline"])
    training.work_dir.mkdir(parents=True)
    (training.work_dir / "epoch_1.pth").write_bytes(b"")
    (training.work_dir / "last_checkpoint").write_text("epoch_1.pth")
    result = training.work_dir / "result.json"
    result.write_text(json.dumps({"tricks": ["cosine"]}))
    assert "--ema" not in export.command(resume=False)
    result.write_text(json.dumps({"tricks": ["cosine", "ema"]}))
    assert export.command(resume=False)[-1] == "--ema"
