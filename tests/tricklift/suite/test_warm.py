"""Jobs forked from a process that has imported all: output, exit code, environment, end."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from fake_jobs import until

from tricklift.compat import imports
from tricklift.configs import find_config
from tricklift.errors import UserError
from tricklift.suite import devices, warm
from tricklift.suite.jobs import TRICKLIFT
from tricklift.suite.plan import plan
from tricklift.suite.processes import Child, stop

# Elsewhere, and beside an accelerator, jobs start cold, which the last test covers everywhere.
needs_linux = pytest.mark.skipif(not warm.possible(), reason="jobs start cold here")


def ran(log: Path, *arguments: str, **environment: str) -> int | None:
    """Runs one of our commands warm; returns its exit code."""
    one = Child([*TRICKLIFT, *arguments], {**os.environ, **environment}, from_server=True)
    one.follow(log, "1")
    return one.returncode


@needs_linux
def test_output_and_exit_code_are_those_of_the_command(tmp_path):
    log = tmp_path / "a.log"
    assert ran(log, "config", "path", "seg/mini/fcn") == 0
    assert log.read_text().endswith("configs/seg/mini/fcn.py\n")
    assert ran(log, "train", "no-such") == 2
    assert "\nerror: no config 'no-such'" in log.read_text()
    # a job has the environment of its start
    command = ("train", "seg/mini/fcn", "--out", str(tmp_path / "w"))
    assert ran(log, *command, TRICKLIFT_ROOT="elsewhere") == 2
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
def test_the_second_job_imports_nothing(tmp_path):
    assert ran(tmp_path / "a.log", "list", "tricks") == 0
    second = Child([*TRICKLIFT, "list", "tricks"], os.environ, from_server=True)
    assert isinstance(second._process, warm.WarmJob)
    seconds = processor_seconds(second.pid)
    second.follow(tmp_path / "b.log", "1")
    assert "label_smoothing" in (tmp_path / "b.log").read_text()
    assert 0 < seconds < 1.0  # `import torch` alone takes longer
    assert second.returncode == 0


@needs_linux
def test_a_job_can_be_stopped(tiny_root, tmp_path):
    out = ["--out", str(tmp_path)]
    command = [*TRICKLIFT, "train", "cls/mini/resnet18_b-baseline", *out]
    job = Child(command, {**os.environ, "TRICKLIFT_ROOT": str(tiny_root)}, from_server=True)
    assert job.poll() is None
    until(lambda: os.getpgid(job.pid) == job.pid)  # Ctrl-C is for the front door alone
    assert stop([job]) == []
    assert job.returncode == -signal.SIGTERM
    job.follow(tmp_path / "a.log", "1")


def test_a_call_gives_its_value_and_its_error():
    assert warm.call(len, "four") == 4
    with pytest.raises(UserError, match="no config 'no-such'"):
        warm.call(find_config, "no-such")


def test_a_call_knows_the_users_own_code(tmp_path, monkeypatch):
    """Of `--import`: plans are made in such a call, and refused its backbones."""
    file = tmp_path / "mine.py"
    file.write_text(
        "import timm\nfrom backbones import register_backbone\n"
        "register_backbone('mine', lambda: timm.create_model('resnet10t', features_only=True))\n"
    )
    monkeypatch.setattr(imports, "_given", {str(file): None})  # not imported in this process
    jobs = warm.call(plan, "smoke", tmp_path, (0,), None, ["random-init"], (), None, ["mine"])
    assert {job.backbone for job in jobs} == {"mine"}
    assert all(job.imports == (str(file),) for job in jobs)


@pytest.fixture
def accelerator(monkeypatch):
    """Torch as it answers where it can use one, in the child process that is asked."""
    one = "import torch; torch.accelerator.device_count = lambda: 1; "
    monkeypatch.setattr(devices, "ASK", one + devices.ASK)
    devices.accelerators.cache_clear()
    warm.possible.cache_clear()
    yield
    devices.accelerators.cache_clear()
    warm.possible.cache_clear()


def test_where_an_accelerator_is_jobs_start_cold(accelerator):
    assert devices.devices() == ["0"]
    assert not warm.possible()
