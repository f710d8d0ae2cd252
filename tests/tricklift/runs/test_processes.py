"""Following a child process: all of it in the log, its progress on the board."""

import os
import sys

from tricklift.runs import board, processes
from tricklift.runs.board import Board
from tricklift.runs.processes import Children, condensed, follow


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
