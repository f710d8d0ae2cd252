"""Jobs forked from a process that has imported all: output, exit code, environment, end."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

import pytest

from tricklift.suite import warm
from tricklift.suite.board import Board
from tricklift.suite.jobs import TRICKLIFT
from tricklift.suite.processes import Children, follow

# Elsewhere, and beside an accelerator, jobs start cold, which the last test covers everywhere.
needs_linux = pytest.mark.skipif(not warm.possible(), reason="jobs start cold here")


@needs_linux
def test_output_and_exit_code_are_those_of_the_command(tmp_path, monkeypatch):
    log = tmp_path / "a.log"
    with Board() as board:
        assert follow([*TRICKLIFT, "config", "seg/mini/fcn"], log, "a", board, Children()) == 0
        assert log.read_text().endswith("configs/seg/mini/fcn.py\n")
        assert follow([*TRICKLIFT, "train", "no-such"], log, "a", board, Children()) == 2
        assert "\nerror: no config 'no-such'" in log.read_text()
        assert "Traceback" in log.read_text()  # a job's log has it, of a user's error too
        monkeypatch.setenv("TRICKLIFT_ROOT", "elsewhere")  # a job has the environment of its start
        command = [*TRICKLIFT, "train", "seg/mini/fcn", "--work-dir", str(tmp_path / "w")]
        assert follow(command, log, "a", board, Children()) == 2
    assert "elsewhere/miniworld" in log.read_text().splitlines()[-1]


def processor_seconds(pid: int) -> float:
    """What a process takes until it has ended."""
    file, seconds = Path(f"/proc/{pid}/stat"), 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while True:
            ticks = file.read_text().rpartition(")")[2].split()
            seconds = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
            time.sleep(0.002)
    return seconds


@needs_linux
def test_the_second_job_imports_nothing():
    with Children().start([*TRICKLIFT, "tricks"]) as first:
        first.stdout.read()
    with Children().start([*TRICKLIFT, "tricks"]) as second:
        assert isinstance(second, warm.WarmJob)
        seconds = processor_seconds(second._process.pid)
        assert "label_smoothing" in second.stdout.read()
    assert 0 < seconds < 1.0  # `import torch` alone takes longer
    assert second.returncode == 0


@needs_linux
def test_a_job_can_be_stopped(tiny_root, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    children = Children()
    work_dir = ["--work-dir", str(tmp_path)]
    job = children.start([*TRICKLIFT, "train", "cls/mini/resnet18_b-baseline", *work_dir])
    assert job.wait(timeout=0.1) is None
    started = time.monotonic()
    children.stop()
    with job:
        job.stdout.read()
    assert job.returncode == -15 and time.monotonic() - started < 20


@pytest.fixture
def accelerator(monkeypatch):
    """Torch as it answers where it can use one, in the child process that is asked."""
    true = "import torch; torch.accelerator.is_available = lambda: True; "
    monkeypatch.setattr(warm, "ASK", true + warm.ASK)
    warm.possible.cache_clear()
    yield
    warm.possible.cache_clear()


def test_where_an_accelerator_is_jobs_start_cold(accelerator):
    with Children().start([*TRICKLIFT, "--version"]) as job:
        assert isinstance(job, subprocess.Popen)
        assert job.stdout.read().startswith("tricklift ")
    assert job.returncode == 0
