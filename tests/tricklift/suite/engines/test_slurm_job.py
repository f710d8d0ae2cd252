"""What runs inside a Slurm job, under the signals that Slurm sends: without Slurm.

A process of its own calls it as submitit does: in the main thread, with the signal's handler.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tricklift
from tricklift.errors import STOPPED, USER_ERROR
from tricklift.suite.engines.slurm_job import UNSAVED, Work

pytest.importorskip("submitit")

#: A child that saves when it is told to, and leaves with `code`.
SAVES = """
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: sys.exit({code}))
print("ready", flush=True)
time.sleep(20)
"""
#: As submitit's process: what `checkpoint` gives is what would be queued again.
HOST = """
import signal, sys
from tricklift.suite.engines.slurm_job import Work
work = Work([sys.executable, "-c", sys.argv[1]], retries=0, patience=5, unsaved=int(sys.argv[2]))
def warned(*_):
    again = work.checkpoint()
    print("again", again and again.function.unsaved, flush=True)
    sys.exit(7)
signal.signal(signal.SIGUSR2, warned)
work()
"""


def warned(child: str, unsaved: int = 0, ready: bool = True) -> tuple[str, int]:
    """What it says and its exit code, warned once its child runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOST, child, str(unsaved)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(tricklift.__file__).parents[1])},
    )
    assert process.stdout is not None
    if ready:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
    process.send_signal(signal.SIGUSR2)
    said, _ = process.communicate(timeout=30)
    return said, process.returncode


def test_a_training_saves_and_is_queued_again():
    assert warned(SAVES.format(code=STOPPED)) == ("again 0\n", 7)


def test_one_that_ends_just_now_is_done():
    assert warned(SAVES.format(code=0)) == ("", 0)


def test_one_that_cannot_save_is_queued_again_but_not_for_ever():
    dies = "print('ready', flush=True); import time; time.sleep(20)"  # USR1 ends it
    assert warned(dies, UNSAVED - 2) == (f"again {UNSAVED - 1}\n", 7)
    said, _ = warned(dies, UNSAVED - 1)
    assert "--time" in said and said.endswith("again None\n")


@pytest.mark.parametrize(
    ("code", "retries", "attempts"),
    [(0, 2, 1), (1, 0, 1), (1, 2, 3), (USER_ERROR, 2, 1), (STOPPED, 2, 1)],
)
def test_errors_are_tried_again_where_another_try_may_help(tmp_path, code, retries, attempts):
    tried = tmp_path / "tried"
    script = f"open({str(tried)!r}, 'a').write('x'); raise SystemExit({code})"
    work = Work([sys.executable, "-c", script], retries, patience=1)
    if code:
        with pytest.raises(SystemExit) as ended:
            work()
        assert ended.value.code == code
    else:
        work()
    assert tried.read_text() == "x" * attempts


def test_a_child_that_is_killed_has_the_code_of_a_shell():
    work = Work([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 0, patience=1)
    with pytest.raises(SystemExit) as ended:
        work()
    assert ended.value.code == 128 + 9
