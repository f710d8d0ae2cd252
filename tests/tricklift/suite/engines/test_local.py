"""The local engine on real processes: order, devices, failures, retries, and how all of it ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fake_jobs import WELL, job, run, times, until, write

from tricklift.records import lock
from tricklift.suite import devices, states
from tricklift.suite.board import Board
from tricklift.suite.engines import local
from tricklift.suite.engines.local import Local
from tricklift.suite.status import look


@pytest.fixture
def board():
    with Board() as board:
        yield board


@pytest.fixture
def gpus(monkeypatch):
    """A host with so many GPUs, as far as anybody asks."""

    def there(count: int, visible: str | None = None) -> None:
        monkeypatch.setattr(devices, "accelerators", lambda: count)
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return there


@pytest.fixture(autouse=True)
def no_gpu(gpus):
    gpus(0)


def state(out: Path, name: str) -> dict:
    return json.loads(states.file_of(out, name).read_text())


def test_two_at_a_time_and_each_after_those_that_it_needs(tmp_path, board):
    one, two = job(tmp_path, "one"), job(tmp_path, "two")
    three = job(tmp_path, "three", "one", "two")
    scripts = dict.fromkeys(("one", "two"), f"sleep 0.5; {WELL}")
    assert run(tmp_path, [one, two, three], board, max_parallel=2, scripts=scripts) == []
    assert max(times(one)[0], times(two)[0]) < min(times(one)[1], times(two)[1])  # side by side
    assert times(three)[0] >= max(times(one)[1], times(two)[1])


def test_one_at_a_time_in_the_order_of_the_plan(tmp_path, board, capsys):
    jobs = [job(tmp_path, name) for name in "cab"]
    board.number(["c", "a", "b"])
    assert run(tmp_path, jobs, board) == []
    assert [times(one) for one in jobs] == sorted(times(one) for one in jobs)
    assert times(jobs[0])[1] <= times(jobs[1])[0]
    assert "[2/3] a: 0:0" in capsys.readouterr().out


def test_a_failure_stops_only_what_needs_it(tmp_path, board):
    jobs = [job(tmp_path, "bad"), job(tmp_path, "after", "bad"), job(tmp_path, "well")]
    scripts = {"bad": "echo Traceback; echo 'KeyError: 3'; exit 3"}
    (failure,) = run(tmp_path, jobs, board, scripts=scripts)
    assert (failure.name, failure.words, failure.code) == ("bad", "KeyError: 3", 3)
    assert jobs[2].has_result() and not jobs[1].work_dir.exists()
    found = {one.name: one.state for one in look(tmp_path)}
    assert found == {"bad": "failed", "after": "blocked", "well": "done"}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'Epoch(train) [1]'; kill -9 $$", "was killed by SIGKILL (out of memory?)"),
        ("true", "it ended without a result"),
        ("exit 1", "no output"),
    ],
)
def test_what_is_said_of_a_failure(tmp_path, board, script, words):
    (failure,) = run(tmp_path, [job(tmp_path, "a")], board, scripts={"a": script})
    assert failure.words == words
    assert state(tmp_path, "a")["state"] == "failed" and state(tmp_path, "a")["words"] == words


def test_retries(tmp_path, board, capsys):
    tries = f"echo x >> tries; [ $(wc -l < tries) -gt 2 ] || exit 1; {WELL}"
    assert run(tmp_path, [job(tmp_path, "a")], board, retries=2, scripts={"a": tries}) == []
    assert state(tmp_path, "a")["attempt"] == 3
    assert "tries again (2 of 2)" in capsys.readouterr().out
    count = "echo x >> tries; exit 1"
    assert run(tmp_path, [job(tmp_path, "b")], board, retries=1, scripts={"b": count})
    assert (tmp_path / "b" / "tries").read_text() == "x\nx\n"


def test_a_mistake_of_the_user_is_not_tried_again(tmp_path, board):
    script = "echo x >> tries; echo 'error: no folder y'; exit 2"
    (failure,) = run(tmp_path, [job(tmp_path, "a")], board, retries=3, scripts={"a": script})
    assert (failure.words, failure.code) == ("no folder y", 2)
    assert (tmp_path / "a" / "tries").read_text() == "x\n"


def test_a_job_that_somebody_else_stops_is_told_apart(tmp_path, board):
    script = "echo 'stopped by SIGTERM; a checkpoint is saved; ...'; exit 85"
    (failure,) = run(tmp_path, [job(tmp_path, "a")], board, scripts={"a": script})
    assert failure.words.startswith("stopped from outside, and can be resumed")
    assert state(tmp_path, "a")["state"] == "stopped"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_log_that_cannot_be_written_ends_the_job_at_once(tmp_path, board):
    log = states.log_of(tmp_path, "a")
    log.parent.mkdir()
    log.symlink_to("/dev/full")
    began = time.monotonic()
    (failure,) = run(tmp_path, [job(tmp_path, "a")], board, retries=3, scripts={"a": "sleep 60"})
    assert time.monotonic() - began < 20
    assert "log cannot be written" in failure.words and "No space left" in failure.words
    assert state(tmp_path, "a")["state"] == "failed"


def test_a_job_of_another_process_is_waited_for(tmp_path, board, capsys):
    held = states.lock_of(tmp_path, "a")[0]
    hold = (
        "import sys; from pathlib import Path; from tricklift.records import lock;"
        "lock.take(Path(sys.argv[1])); print('taken', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(held)]
    jobs = [job(tmp_path, "a"), job(tmp_path, "b")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"taken\n"
        threading.Thread(
            target=lambda: (until((tmp_path / "b" / "ended").exists), other.stdin.close())
        ).start()
        assert run(tmp_path, jobs, board) == []
    assert times(jobs[0])[0] >= times(jobs[1])[1]  # the other one first: nobody had it
    assert f"a: another process ({other.pid} on " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("script", "killed"),
    [("trap 'exit 85' TERM; sleep 60 & wait", False), ("trap '' TERM; sleep 60", True)],
)
def test_ctrl_c_ends_all_and_kills_what_does_not_listen(
    tmp_path, board, capsys, monkeypatch, script, killed
):
    monkeypatch.setattr(local, "GRACE", 1.0)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        begun = tmp_path / "a" / "begun"
        ends = threading.Thread(
            target=lambda: (until(begun.exists), time.sleep(0.3), os.kill(os.getpid(), 2))
        )
        ends.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, [job(tmp_path, "a"), job(tmp_path, "b")], board, scripts={"a": script})
        ends.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < 20
    assert state(tmp_path, "a")["state"] == "stopped"
    assert not (tmp_path / "b").exists()
    assert not lock.is_held(states.lock_of(tmp_path, "a")[0])
    assert ("had to be killed" in capsys.readouterr().out) == killed


def test_each_job_has_devices_of_its_own(tmp_path, board, gpus):
    gpus(5, "1,3,5,7,9")
    jobs = [job(tmp_path, name) for name in "abcd"]
    script = f"echo $CUDA_VISIBLE_DEVICES > devices; sleep 0.3; {WELL}"
    scripts = dict.fromkeys("abcd", script)
    assert run(tmp_path, jobs, board, gpus_per_job=2, scripts=scripts) == []
    used = [(one.work_dir / "devices").read_text().strip() for one in jobs]
    assert set(used) == {"1,3", "5,7"}  # one is left over
    for one in jobs:
        for other in jobs:
            together = times(one)[0] < times(other)[1] and times(other)[0] < times(one)[1]
            if together and one is not other:
                same = [(each.work_dir / "devices").read_text() for each in (one, other)]
                assert same[0] != same[1]


@pytest.mark.parametrize(
    ("there", "engine", "slots", "processes"),
    [
        (0, {}, [""], 1),
        (0, {"max_parallel": 3, "processes_per_job": 2}, ["", "", ""], 2),
        (2, {}, ["0", "1"], 1),
        (2, {"max_parallel": 1}, ["0"], 1),
        (2, {"max_parallel": 8}, ["0", "1"], 1),
        (2, {"gpus_per_job": 0.5}, ["0", "1", "0", "1"], 1),
        (8, {"gpus_per_job": 4}, ["0,1,2,3", "4,5,6,7"], 4),
        (2, {"gpus_per_job": 0}, [""], 1),
    ],
)
def test_slots(gpus, there, engine, slots, processes):
    gpus(there)
    engine = Local(**engine)
    engine.check()
    assert engine.slots() == slots
    assert engine.resources.processes == processes


@pytest.mark.parametrize(
    ("there", "engine", "words"),
    [
        (1, {"gpus_per_job": 4}, "--gpus-per-job 4: this host has 1 GPU .*; give fewer"),
        (0, {"gpus_per_job": 1}, "--gpus-per-job 1: this host has 0 GPUs .*; leave it out"),
        (2, {"gpus_per_job": 0.3}, r"whole number, or 0\.5, .*; got 0\.3"),
        (2, {"gpus_per_job": -1}, "got -1"),
        (2, {"gpus_per_job": float("nan")}, "got nan"),
        (2, {"processes_per_job": 2}, "give --gpus-per-job 2 instead"),
        (0, {"processes_per_job": 0}, "--processes-per-job must be at least 1, got 0"),
        (0, {"max_parallel": 0}, "--jobs must be at least 1, got 0"),
        (0, {"retries": -1}, "--retries must be at least 0, got -1"),
    ],
)
def test_what_a_host_cannot_give_is_refused(gpus, there, engine, words):
    gpus(there)
    with pytest.raises(ValueError, match=words):
        Local(**engine).check()


def test_jobs_side_by_side_share_the_cores(tmp_path, board, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    script = {"a": f"echo $OMP_NUM_THREADS > threads; {WELL}"}
    run(tmp_path, [job(tmp_path, "a")], board, max_parallel=2, scripts=script)
    assert (tmp_path / "a" / "threads").read_text() == "4\n"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")  # what the user says stands
    run(tmp_path, [job(tmp_path, "a")], board, max_parallel=2, scripts=script)
    assert (tmp_path / "a" / "threads").read_text() == "3\n"


def test_jobs_know_where_their_data_are(tmp_path, board):
    script = {"a": f"echo $TRICKLIFT_ROOT > root; {WELL}"}
    run(tmp_path, [job(tmp_path, "a")], board, scripts=script)
    assert (tmp_path / "a" / "root").read_text() == f"{tmp_path / 'data'}\n"
    write(tmp_path, [job(tmp_path, "a")])
