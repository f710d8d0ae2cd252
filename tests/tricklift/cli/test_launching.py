"""`--launcher` of `train`: who joins, who starts the others, and what is refused."""

import json
import os
import subprocess
import sys

import pytest

from tricklift.cli.launching import MARKS, join, torchrun
from tricklift.suite import devices

GIVEN = ["train", "x.py", "--launcher", "pytorch", "--processes", "3"]


@pytest.mark.parametrize("launcher", MARKS)
def test_a_process_that_was_started_goes_on(launcher):
    join(launcher, None, GIVEN, {MARKS[launcher]: "1"})


def test_one_process_needs_nothing():
    join("none", None, GIVEN, {})
    join("none", 1, GIVEN, {})


@pytest.mark.parametrize(
    ("launcher", "processes", "message"),
    [
        ("none", 2, "--processes 2 needs a launcher; add --launcher pytorch"),
        ("slurm", None, "--launcher slurm: .* start the command with srun"),
        ("mpi", None, "--launcher mpi: .* start the command with mpirun"),
    ],
)
def test_what_cannot_be_started_says_how(launcher, processes, message):
    with pytest.raises(ValueError, match=message):
        join(launcher, processes, GIVEN, {})


def test_torchrun_gets_the_same_command_and_a_process_a_gpu(monkeypatch):
    command = torchrun(3, GIVEN)
    assert command[:4] == [sys.executable, "-P", "-m", "torch.distributed.run"]
    assert "--nproc-per-node=3" in command and command[-len(GIVEN) :] == GIVEN
    monkeypatch.setattr(devices, "accelerators", lambda: 4)
    assert "--nproc-per-node=4" in torchrun(None, GIVEN)
    monkeypatch.setattr(devices, "accelerators", lambda: 0)
    with pytest.raises(ValueError, match="no GPU here to count by; add --processes N"):
        torchrun(None, GIVEN)


@pytest.mark.slow
def test_two_processes_train_one_model(tiny_root, tmp_path):
    options = (
        "train_dataloader.batch_size=8",
        "train_cfg.max_epochs=1",
        "model.backbone.width=0.25",
    )
    command = [sys.executable, "-m", "tricklift", "train", "cls/mini/resnet18_b-baseline"]
    command += [
        "--out",
        "w",
        "--launcher",
        "pytorch",
        "--processes",
        "2",
        "--cfg-options",
        *options,
    ]
    environment = {**os.environ, "TRICKLIFT_ROOT": str(tiny_root)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads((tmp_path / "w" / "result.json").read_text())
    assert (result["status"], result["world_size"]) == ("done", 2)
