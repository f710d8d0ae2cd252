"""The plain scripts: handed to sbatch by `submit.sh`, on the real thing."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tricklift.suite import graph
from tricklift.suite.engines import Resources, script
from tricklift.suite.engines.slurm_options import SlurmOptions
from tricklift.suite.jobs import Export, Training

#: In the place of `tricklift work`: saves on USR1 at its first attempt, ends well at the second.
WORK = """
import os, pathlib, signal, sys, time
here = pathlib.Path({file!r})
def note(word):
    with here.open("a") as file:
        print(word, file=file)
def saves(number, frame):
    note("saved")
    sys.exit(85)
signal.signal(signal.SIGUSR1, saves)
again = here.exists()
note("begins")
time.sleep(0 if again or "export" in here.name else 60)
note("ends")
"""


@pytest.fixture
def chain(tmp_path):
    """A training and its export, as a folder has them."""
    name = "cls/a/seed0"
    training = Training(name, "cls/mini/resnet18_b-baseline", tmp_path / "out" / name, 0)
    export = Export("export/a-seed0", training, tmp_path / "out/exports/a.safetensors", (name,))
    graph.write(tmp_path / "out", "tiny", tmp_path, {}, [training, export])
    return [training, export]


def written(chain, folder: Path, work: str = "", **flags) -> list[Path]:
    """The scripts; what they run replaced by a program of this test."""
    options = SlurmOptions.parse(**flags)
    files = script.write(chain, folder.parent / "out", folder, options, Resources())
    for file in files[:-1]:
        program = folder.parent / f"{file.stem}.py"
        program.write_text(work.format(file=str(folder.parent / f"{file.stem}.noted")))
        text, count = re.subn(
            r"^\S+python\S* .* work .* &$",
            f"{sys.executable} {program} &",
            file.read_text(),
            flags=re.M,
        )
        assert count == 1, text
        file.write_text(text)
    return files


def submitted(submit: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([submit, *more], capture_output=True, text=True, timeout=60)


def test_a_warned_job_is_queued_again_and_what_needs_it_waits(cluster, at_once, chain, tmp_path):
    files = written(chain, tmp_path / "scripts", WORK)
    done = submitted(files[-1])
    assert done.returncode == 0, done.stderr
    first, _ = re.findall(r"sbatch: (\d+)", done.stdout)
    noted = tmp_path / f"{files[0].stem}.noted"

    def wait(what, seconds=40):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, cluster.call("squeue") + cluster.logs()
            time.sleep(0.2)

    wait(noted.exists)
    cluster.call("scancel", "--batch", "--signal=USR1", first)  # as Slurm does before the limit
    wait(lambda: not cluster.call("squeue", "-h"))
    assert noted.read_text().split() == ["begins", "saved", "begins", "ends"]
    later = tmp_path / f"{files[1].stem}.noted"
    assert later.read_text().split() == ["begins", "ends"]
    assert later.stat().st_mtime >= noted.stat().st_mtime


def test_what_was_submitted_before_a_refusal_is_cancelled(cluster, chain, tmp_path):
    files = written(chain, tmp_path / "scripts", WORK)
    text = files[1].read_text()
    files[1].write_text(text.replace("#SBATCH --requeue", "#SBATCH --constraint=quantum", 1))
    done = submitted(files[-1])
    assert done.returncode != 0 and "cancelling the 1 submitted before it" in done.stderr
    assert not cluster.call("squeue", "-h", "-t", "PENDING,RUNNING")


def test_options_of_sbatch_are_taken_for_all(cluster, chain, tmp_path):
    files = written(chain, tmp_path / "scripts", WORK)
    done = submitted(files[-1], "--partition=other", "--hold")
    assert done.returncode == 0, done.stderr
    held = cluster.call("squeue", "-h", "-o", "%P %E").splitlines()
    first, _ = re.findall(r"sbatch: (\d+)", done.stdout)
    assert sorted(held) == ["other (null)", f"other afterok:{first}(unfulfilled)"]
