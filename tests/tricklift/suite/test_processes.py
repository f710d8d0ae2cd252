"""The child process of a job: its log, its end, and the end of all that it started."""

import os
import signal
import subprocess
import sys
import time

import pytest
from fake_jobs import until

from tricklift.records import lock
from tricklift.suite import processes, warm
from tricklift.suite.processes import Child, descendants, stop


def child(script: str, tmp_path) -> Child:
    """A shell, whose children get no signal of its own."""
    return Child(["sh", "-c", f"cd {tmp_path}; {script}"], os.environ)


def test_all_that_is_said_is_kept_below_what_was_said_before(tmp_path):
    log = tmp_path / "logs" / "a.log"
    for number in (1, 2):
        one = child(f"echo out{number}; echo err{number} >&2; exit {number}", tmp_path)
        one.follow(log, str(number))
        assert one.returncode == number
    assert log.read_text() == "# attempt 1\nout1\nerr1\n# attempt 2\nout2\nerr2\n"


def test_what_a_child_leaves_behind_holds_nothing_up(tmp_path):
    one = child("sleep 60 & echo $! > pid; echo done", tmp_path)
    began = time.monotonic()
    one.follow(tmp_path / "a.log", "1")
    assert one.returncode == 0 and time.monotonic() - began < 20
    with pytest.raises(ProcessLookupError):
        until(lambda: os.kill(int((tmp_path / "pid").read_text()), 0), 10)


def test_killing_reaches_what_left_the_group(tmp_path):
    """torchrun starts its processes in sessions of their own."""
    one = child("setsid sh -c 'echo $$ > pid; sleep 60' & trap '' TERM; wait; sleep 60", tmp_path)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    pid = int((tmp_path / "pid").read_text())
    assert pid in descendants(one.pid)
    assert stop([one], 0.3) == [one]
    one.follow(tmp_path / "a.log", "1")
    assert one.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        until(lambda: os.kill(pid, 0), 10)


def test_stopping_waits_for_those_that_listen(tmp_path):
    one = child("trap 'exit 85' TERM; echo > ready; while true; do sleep 0.05; done", tmp_path)
    until((tmp_path / "ready").exists)
    assert stop([one], 20) == []
    assert one.returncode == 85
    one.terminate()  # to one that has ended: nothing


def test_last_words_prefer_the_error(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("Traceback\nValueError: no folder 'x'\nbye\n")
    assert processes.last_words(log) == "ValueError: no folder 'x'"
    log.write_text("error: no such config\n\n")
    assert processes.last_words(log) == "no such config"
    log.write_text("# attempt 1\n$ python -m tricklift train x\n\n")
    assert processes.last_words(log) == "no output"
    assert processes.last_words(tmp_path / "none.log") == "no output"


def test_last_words_are_those_of_the_last_attempt(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("$ tricklift train x\nerror: no folder 'x'\n# attempt 2\n")
    assert processes.last_words(log) == "no output"
    with log.open("a") as file:
        file.write("Epoch(train) [1][5/9]\n")
    assert processes.last_words(log) == "Epoch(train) [1][5/9]"
    assert processes.last_lines(log) == ["Epoch(train) [1][5/9]"]


TORCHRUN = """\
error: no folder 'x'
W1126 19:43:20.985000 1120 torch/distributed/elastic/multiprocessing/api.py:1028] Sending process 12
E1126 19:43:21.2 11 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 2) loc
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
"""


def test_what_torchrun_says_of_a_failure_hides_neither_its_words_nor_its_code(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(f"# attempt 1\n{TORCHRUN}")
    assert processes.last_words(log) == "no folder 'x'"
    assert processes.code_of(log, 1) == 2 and processes.code_of(log, -9) == -9
    log.write_text(f"{TORCHRUN}# attempt 2\nbye\n")
    assert processes.code_of(log, 1) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "SIGKILL (out of memory?)"), (-15, "SIGTERM"), (-11, "SIGSEGV"), (-63, "signal 63")],
)
def test_a_signal_is_named(code, words):
    assert processes.killed_by(code) == f"was killed by {words}"


RUNS = """
import sys
from pathlib import Path
from tricklift.suite import devices, graph
from tricklift.suite.board import Board
from tricklift.suite.engines.local import Local
from tricklift.suite.jobs import Training

out = Path(sys.argv[1])
if sys.argv[2] == "cold":
    from tricklift.suite import warm
    warm.possible = lambda: False
options = ("train_cfg.max_epochs=1000", "model.backbone.width=0.25")
job = Training("a", "cls/mini/resnet18_b-baseline", out / "a", 0, options=options)
if __name__ == "__main__":
    graph.write(out, "mini", sys.argv[3], {}, [job])
    with Board(out) as board:
        Local().run([job], out, board)
"""


# It is by the lock that the test sees a job's end. Warm starts need Linux without an accelerator.
@pytest.mark.skipif(lock.fcntl is None, reason="no POSIX locks here")
@pytest.mark.parametrize("start", ["warm", "cold"])
def test_jobs_end_with_a_run_that_is_killed(tiny_root, tmp_path, start):
    if start == "warm" and not warm.possible():
        pytest.skip("jobs start cold here")
    (tmp_path / "runs.py").write_text(RUNS)
    command = [sys.executable, str(tmp_path / "runs.py"), str(tmp_path), start, str(tiny_root)]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while not (tmp_path / "a" / "last_checkpoint").is_file():
        assert parent.poll() is None, (tmp_path / "logs" / "a.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    held = lock.of_run(tmp_path / "a")[0]
    assert lock.is_held(held)
    parent.kill()
    parent.wait()
    until(lambda: not lock.is_held(held))  # it goes on without its run
    assert '"running"' in (tmp_path / "a" / "result.json").read_text()
    assert list((tmp_path / "a").glob("stopped_iter_*.pth"))  # and saved what it had
