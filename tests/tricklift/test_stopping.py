"""Ctrl-C on the real command line: what each command says, and its exit code."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import tricklift
from tricklift.cli import benchmark, training
from tricklift.errors import RESUMES

TRICKLIFT = (sys.executable, "-m", "tricklift")
MIM = (sys.executable, str(Path(tricklift.__file__).parent / ".mim" / "tools" / "train.py"))
LONG = (
    "--cfg-options",
    "train_cfg.max_epochs=100000",
    "train_cfg.val_interval=100000",
    "default_hooks.checkpoint.interval=100000",
    "train_dataloader.num_workers=0",
    "train_dataloader.persistent_workers=False",
    "model.backbone.width=0.25",
)
CONFIG = "cls/mini/resnet18_b-baseline"


@pytest.fixture(autouse=True)
def listens() -> Iterator[None]:
    """What a shell runs in the background ignores Ctrl-C, and so do its children; not these."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stopped(command: list[str], root: Path, begun: Callable[[], bool]) -> str:
    """Stops a command once it has begun; returns what it said on stderr."""
    with subprocess.Popen(
        command,
        env={**os.environ, "TRICKLIFT_ROOT": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        deadline = time.monotonic() + 600
        while not begun():
            assert child.poll() is None, child.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        said = "nothing"
        for _ in range(10):  # Python drops a Ctrl-C that comes within a fork, of a data worker
            child.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                said = child.communicate(timeout=60)[1]
                break
        else:
            child.kill()
    assert child.returncode == 130, said
    return said


@pytest.mark.parametrize("command", [(*TRICKLIFT, "train"), MIM], ids=["train", "mim"])
def test_a_training(tiny_root, tmp_path, command):
    arguments = [*command, CONFIG, "--work-dir", str(tmp_path / "a"), *LONG]
    said = stopped(arguments, tiny_root, (tmp_path / "a" / "result.json").is_file)
    assert said.splitlines()[-1] == f"stopped; {training.resumes(tmp_path / 'a')}"
    assert "no checkpoint was saved yet" in said
    (tmp_path / "a" / "epoch_1.pth").touch()
    assert training.resumes(tmp_path / "a") == RESUMES


def test_a_run(tiny_root, tmp_path):
    rows = ("--rows", "resnet18_b-baseline")
    command = [*TRICKLIFT, "run", "mini", "--out", str(tmp_path), *rows]
    begun = tmp_path / CONFIG.replace("mini/", "") / "seed0" / "result.json"
    said = stopped(command, tiny_root, begun.is_file)
    assert said.splitlines()[-1] == f"stopped; {benchmark.RESUMES}"


@pytest.mark.parametrize("command", [["prepare", "miniworld", "--root"], ["demo", "--out"]])
def test_data_that_are_being_made(tmp_path, command):
    data = tmp_path if command[0] == "prepare" else tmp_path / "data"
    staging = data / ".miniworld.partial" / "imagenet"
    said = stopped([*TRICKLIFT, *command, str(tmp_path)], tmp_path, staging.is_dir)
    assert said.splitlines()[-1] == f"stopped; {benchmark.RESUMES}"
    assert not (data / "miniworld").exists()


def test_any_other_command(tmp_path):
    """It builds all networks, for some ten seconds."""
    began = time.monotonic()
    command = [*TRICKLIFT, "list", "backbones"]
    said = stopped(command, tmp_path, lambda: time.monotonic() - began > 5)
    assert said.splitlines()[-1] == "stopped" and "Traceback" not in said
