"""Jobs: what is done, what is to be resumed, what another config left."""

import json

import pytest
from safetensors.torch import save_file
from torch import zeros

from tricklift.runs import jobs
from tricklift.runs.plan import plan
from tricklift.tables.compare import compare


@pytest.fixture
def training(tmp_path) -> jobs.Training:
    """A job with a real config."""
    name = "cls/resnet18_b-baseline/seed0"
    return jobs.Training(name, "cls/mini/resnet18_b-baseline", tmp_path / name, 0)


def leave(job: jobs.Training, **changes) -> None:
    """Writes the result file that a finished run of the job would leave."""
    job.work_dir.mkdir(parents=True, exist_ok=True)
    data = {"status": "done", "config_hash": job.config_hash(), "seed": job.seed, "metrics": {}}
    (job.work_dir / "result.json").write_text(json.dumps({**data, **changes}))


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
    save_file({"w": zeros(1)}, str(file), metadata={"config_hash": training.config_hash()})
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
