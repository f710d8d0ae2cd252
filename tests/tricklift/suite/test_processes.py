"""Following a child process: all of it in the log, its progress on the board."""

import os
import subprocess
import sys
import time

import pytest

from tricklift.records import lock
from tricklift.suite import board, processes, warm
from tricklift.suite.board import Board
from tricklift.suite.processes import Children, condensed, follow


def test_following_keeps_all_and_shows_progress(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(board, "QUIET_SECONDS", 0.0)
    lines = "print('import noise'); print('11/22 - mmengine - INFO - Epoch(train) [1][5/9] eta: 1')"
    log = tmp_path / "logs" / "a.log"
    with Board() as shown:
        code = follow([sys.executable, "-c", lines], log, "[1/1] a", shown, Children())
    assert code == 0
    assert "import noise" in log.read_text()
    out = capsys.readouterr().out
    assert "[1/1] a: Epoch(train) [1][5/9] eta: 1" in out
    assert "import noise" not in out


def test_progress_is_not_shown_too_often(capsys):
    with Board() as shown:
        for number in range(5):
            shown.now("[1/1] a", f"step {number}")
    assert capsys.readouterr().out == ""


def test_condensed():
    line = (
        "Epoch(train)  [1][50/93]  base_lr: 1.0e-02 lr: 1.0e-02  eta: 0:01:10  time: 0.1  loss: 2.0"
    )
    assert condensed(line) == "Epoch(train) [1][50/93] lr: 1.0e-02 eta: 0:01:10 loss: 2.0"


def test_children_that_run_side_by_side_share_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert "OMP_NUM_THREADS" not in Children(1).environment
    assert Children(2).environment["OMP_NUM_THREADS"] == "4"
    assert Children(16).environment["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert Children(2).environment["OMP_NUM_THREADS"] == "3"  # what the user says stands


def test_stopping_ends_all_and_those_that_start_later(tmp_path):
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    children = Children(2)
    first = children.start(sleeps)
    children.stop()
    second = children.start(sleeps)
    for child in (first, second):
        with child:
            assert child.wait(timeout=20) != 0


def test_last_words_prefer_the_error(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("Traceback\nValueError: no folder 'x'\nbye\n")
    assert processes.last_words(log) == "ValueError: no folder 'x'"
    log.write_text("error: no such config\n\n")
    assert processes.last_words(log) == "no such config"
    log.write_text("$ python -m tricklift train x\n\n")
    assert processes.last_words(log) == "no output"


def test_last_words_are_those_of_the_last_attempt(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("$ tricklift train x\nerror: no folder 'x'\n$ tricklift train x --resume\n")
    assert processes.last_words(log) == "no output"
    with log.open("a") as file:
        file.write("Epoch(train) [1][5/9]\n")
    assert processes.last_words(log) == "Epoch(train) [1][5/9]"


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "SIGKILL (out of memory?)"), (-15, "SIGTERM"), (-11, "SIGSEGV"), (-63, "signal 63")],
)
def test_a_signal_is_named(code, words):
    assert processes.killed_by(code) == f"was killed by {words}"


RUNS = """
import sys
from pathlib import Path
from tricklift.suite import warm
from tricklift.suite.board import Board
from tricklift.suite.jobs import Training
from tricklift.suite.run import run_jobs

out = Path(sys.argv[1])
if sys.argv[2] == "cold":
    warm.ACCELERATORS = (sys.executable,)
options = ("train_cfg.max_epochs=1000", "model.backbone.width=0.25")
job = Training("a", "cls/mini/resnet18_b-baseline", out / "a", 0, options=options)
if __name__ == "__main__":
    with Board() as board:
        run_jobs([job], out, board)
"""


def is_free(work_dir) -> bool:
    """Whether nobody trains there any more."""
    try:
        with lock.alone(*lock.of_run(work_dir)):
            return True
    except ValueError:
        return False


# It is by the lock that the test sees a job's end. Warm starts need Linux without an accelerator.
@pytest.mark.skipif(lock.fcntl is None, reason="no POSIX locks here")
@pytest.mark.parametrize("start", ["warm", "cold"])
def test_jobs_end_with_a_run_that_is_killed(tiny_root, tmp_path, start):
    if start == "warm" and not warm.possible():
        pytest.skip("jobs start cold here")
    (tmp_path / "runs.py").write_text(RUNS)
    environment = {**os.environ, "TRICKLIFT_ROOT": str(tiny_root)}
    command = [sys.executable, str(tmp_path / "runs.py"), str(tmp_path), start]
    parent = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while not (tmp_path / "a" / "last_checkpoint").is_file():
        assert parent.poll() is None, (tmp_path / "logs" / "a.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not is_free(tmp_path / "a")
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while not is_free(tmp_path / "a"):
        assert time.monotonic() < deadline, "the job goes on without its run"
        time.sleep(0.1)
    assert '"running"' in (tmp_path / "a" / "result.json").read_text()
