"""`tricklift status`: where jobs are, from files as runs leave them, and the board of `run`."""

import io
import json
import os
import platform
from pathlib import Path

import pytest
from fake_jobs import job, write
from rich.console import Console

from tricklift.cli import main
from tricklift.records import lock
from tricklift.suite import board, states
from tricklift.suite.board import Board
from tricklift.suite.status import counted, look

HOST = platform.node()
TRAIN = "11/26 19:05:37 - mmengine - INFO - Epoch(train)    [3][50/100]  lr: 2.0e-02  eta: "
EPOCH = f"{TRAIN}1 day, 0:20:41  time: 0.2000  data_time: 0.04  loss: 3.4\n"
ITER = "x - Iter(train) [ 20/80]  lr: 1.0e-02  eta: 0:01:00  time: 0.5000  loss: 1.0\n"


def leave(out: Path, name: str, log: str = "", result: dict | None = None, **note) -> None:
    """What a job leaves: its state, its log, its result."""
    file = states.file_of(out, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    if note:
        times = {"started": states.now(), "host": HOST, "pid": os.getpid(), "attempt": 1}
        file.write_text(json.dumps({**times, **note}))
    if log:
        states.log_of(out, name).parent.mkdir(exist_ok=True)
        states.log_of(out, name).write_text(log)
    if result is not None:
        (out / name).mkdir(parents=True, exist_ok=True)
        (out / name / "result.json").write_text(json.dumps(result))


@pytest.fixture
def running(tmp_path):
    """A folder with a job that this process works on."""
    write(tmp_path, [job(tmp_path, "a")])
    file = states.lock_of(tmp_path, "a")[0]
    lock.take(file)
    leave(tmp_path, "a", state="running")
    yield tmp_path
    lock.release(file)


def one(out: Path):
    (found,) = look(out)
    return found


def test_progress_of_a_training_by_epochs(running):
    result = {"status": "running", "epochs": 4, "batch_size": 64, "metrics": {"top1": 31.2}}
    leave(running, "a", log=f"# attempt 1\n$ x\n{EPOCH}", result=result)
    found = one(running)
    assert (found.state, found.words, found.metrics) == (
        "running",
        "epoch 3/4, 50/100",
        {"top1": 31.2},
    )
    assert found.progress == pytest.approx(2.5 / 4)
    assert found.images_per_second == pytest.approx(64 / 0.2)
    assert found.eta == 24 * 3600 + 20 * 60 + 41
    assert board.line(found) == "62%, epoch 3/4, 50/100, top1 31.20, 320 images/s, 24:20:41 left"


def test_progress_of_a_training_by_iterations_and_of_its_validation(running):
    leave(running, "a", log=ITER, result={"status": "running", "epochs": None})
    assert (one(running).words, one(running).progress) == ("20/80", 0.25)
    leave(running, "a", log=f"{ITER}x - Iter(val) [ 3/12]  time: 0.1\n")
    found = one(running)
    assert (found.words, found.progress, found.eta) == ("validates, 3/12", 0.25, 60)


def test_of_an_earlier_attempt_nothing_is_shown(running):
    leave(running, "a", log=f"# attempt 1\n{ITER}# attempt 2\n$ x\n")
    assert (one(running).words, one(running).progress) == ("starting", None)


def test_a_job_that_is_silent_says_how_long(running):
    leave(running, "a", log=ITER)
    log = states.log_of(running, "a")
    os.utime(log, (log.stat().st_atime, log.stat().st_mtime - 600))
    assert one(running).words == "20/80, silent for 10 min"


def test_a_job_whose_process_is_gone_is_stopped(tmp_path):
    write(tmp_path, [job(tmp_path, "a")])
    leave(tmp_path, "a", state="running")  # this process lives, and does not hold the lock
    assert (one(tmp_path).state, one(tmp_path).words) == ("stopped", "its process is gone")
    leave(tmp_path, "a", state="running", pid=2**22 + 1)
    assert one(tmp_path).state == "stopped"
    leave(tmp_path, "a", state="running", host="elsewhere")  # nothing here can tell
    assert one(tmp_path).state == "running"


def test_what_waits_and_what_cannot_run(tmp_path):
    jobs = [
        job(tmp_path, "a"),
        job(tmp_path, "b", "a"),
        job(tmp_path, "c", "b"),
        job(tmp_path, "d"),
    ]
    write(tmp_path, jobs)
    leave(tmp_path, "a", state="failed", words="KeyError: 3")
    leave(tmp_path, "d", result={"status": "done", "metrics": {"top1": 5}, "wall_seconds": 61})
    found = {each.name: each for each in look(tmp_path)}
    assert [found[name].state for name in "abcd"] == ["failed", "blocked", "blocked", "done"]
    assert found["a"].words == "KeyError: 3" and found["d"].seconds == 61
    assert counted(look(tmp_path)) == "4 jobs: 1 done, 1 failed, 2 blocked"


def test_a_result_that_was_removed_is_to_be_made_again(tmp_path):
    write(tmp_path, [job(tmp_path, "a")])
    leave(tmp_path, "a", state="done", words="top1 5.00")
    assert (one(tmp_path).state, one(tmp_path).words) == ("waiting", "its result is gone")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version": 1}'])
def test_a_folder_without_jobs(tmp_path, damage, capsys):
    (tmp_path / "jobs.json").write_text(damage)
    with pytest.raises(SystemExit) as end:
        main(["status", str(tmp_path)])
    assert end.value.code == 2
    assert f"no jobs.json in {tmp_path}; give the folder" in capsys.readouterr().err


def test_the_commands_output(running, capsys):
    leave(running, "a", log=ITER)
    for arguments in (["status", str(running)], ["status", str(running), "--json"]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert not end.value.code
        said = capsys.readouterr().out
        if "--json" in arguments:
            (entry,) = json.loads(said)
            assert (entry["name"], entry["state"], entry["progress"]) == ("a", "running", 0.25)
            assert entry["log"] == str(states.log_of(running, "a"))
        else:
            assert "1 job: 1 running" in said and "25%, 20/80" in said
            assert f"{running}/logs/" in said


def test_many_jobs_are_counted_not_listed(tmp_path):
    jobs = [job(tmp_path, f"job{number}") for number in range(board.MOST + 1)]
    write(tmp_path, jobs)
    leave(tmp_path, "job7", state="failed", words="KeyError: 3")
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(board.page(tmp_path, look(tmp_path)))
    said = console.export_text()
    assert f"{board.MOST + 1} jobs: 1 failed, {board.MOST} waiting" in said
    assert "job7" in said and "job8" not in said


def test_without_a_terminal_a_line_now_and_then(running, capsys, monkeypatch):
    leave(running, "a", log=ITER)
    with Board(running) as shown:
        shown.number(["a"])
        shown.began("a")
        shown.tick()
        assert capsys.readouterr().out == "[1/1] a: starts\n"  # not too often
        monkeypatch.setattr(board, "QUIET_SECONDS", 0.0)
        shown.began("a")
        shown.tick()
    assert "[1/1] a: 25%, 20/80, 1:00 left" in capsys.readouterr().out


def test_on_a_terminal_it_is_the_table_of_status(running):
    leave(running, "a", log=ITER)
    console = Console(width=100, force_terminal=True, file=io.StringIO(), record=True)
    with Board(running, console) as shown:
        shown.number(["a"])
        shown.began("a")
        console.print(shown._fresh())
        shown.over("a")
    assert "running  [1/1] a" in console.export_text()
