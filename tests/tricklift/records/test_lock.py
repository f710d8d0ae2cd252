"""Locks between real processes: who holds one is named, and what ends with its process."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mmengine.runner import Runner

from tricklift.records import lock

# Windows has no fcntl: a work dir goes unlocked there, and nothing is left to test.
pytestmark = pytest.mark.skipif(lock.fcntl is None, reason="no POSIX locks here")

HOLDER = (
    "import sys; from pathlib import Path; from tricklift.records import lock;"
    "lock.take(Path(sys.argv[1])); print('taken', flush=True); sys.stdin.read()"
)


@contextmanager
def another(file: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until the block ends, or until it is killed."""
    command = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "taken\n"
        yield holder


def refused(file: Path) -> bool:
    """Whether a new process is refused the lock."""
    code = (
        "import sys; from pathlib import Path; from tricklift.records import lock;"
        "lock.take(Path(sys.argv[1]), 'works')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True)
    assert not done.returncode or "UserError: another process" in done.stderr
    return bool(done.returncode)


def test_another_process_is_named_and_a_killed_one_holds_nothing(tmp_path):
    file = tmp_path / "a" / ".lock"
    with another(file) as holder:
        with pytest.raises(
            ValueError,
            match=rf"another process \({holder.pid} on .+\) works; wait for it, or end it",
        ):
            lock.take(file, "works")
        holder.kill()
        holder.wait()
        with lock.alone(file, "works"):
            assert file.read_text().startswith(f"{os.getpid()} on ")
    assert not refused(file)


def test_the_same_process_takes_it_again_and_an_inner_block_leaves_it(tmp_path):
    file = tmp_path / ".lock"
    assert lock.take(file, "works")
    assert not lock.take(file, "works")
    with lock.alone(file, "works"):
        pass
    assert refused(file)
    lock.release(file)
    lock.release(file)
    assert not refused(file)


def _try(file: Path, answers: multiprocessing.SimpleQueue) -> None:
    try:
        lock.take(file, "works")
    except ValueError as error:
        answers.put(str(error))


def test_a_forked_worker_neither_has_the_lock_nor_gives_it_back(tmp_path):
    file, context = tmp_path / ".lock", multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    with lock.alone(file):
        worker = context.Process(target=_try, args=(file, answers))
        worker.start()
        assert f"({os.getpid()} on " in answers.get()
        worker.join()
        assert refused(file)


def test_without_what_it_is_waited_for(tmp_path):
    file = tmp_path / ".lock"
    with another(file) as holder:
        ends = f"import os, time; time.sleep(0.5); os.kill({holder.pid}, 9)"
        with subprocess.Popen([sys.executable, "-c", ends]):
            began = time.monotonic()
            with lock.alone(file):
                assert time.monotonic() - began > 0.3


def unfinished(folder):
    """Makes a run one that has not ended: another would not be begun in the place of it."""
    record = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(record | {"status": "running"}))


def test_a_second_training_in_a_work_dir_is_refused_and_changes_nothing(tiny, tmp_path):
    tiny.train(tiny.config(tmp_path), {"accuracy/top1": 1.0}, {"accuracy/top1": 2.0})
    unfinished(tmp_path)
    kept = ("result.json", "epoch_2.pth", "last_checkpoint")
    before = {name: (tmp_path / name).read_bytes() for name in kept}
    assert not refused(tmp_path / ".lock")  # given back at the end
    with another(tmp_path / ".lock") as holder:
        message = rf"another process \({holder.pid} on .+\) trains in {tmp_path}; wait for it"
        for resume in (False, True):
            with pytest.raises(ValueError, match=message):
                tiny.train(tiny.config(tmp_path, resume=resume))
    assert before == {name: (tmp_path / name).read_bytes() for name in kept}
    again = tiny.train(tiny.config(tmp_path), {"accuracy/top1": 3.0}, {"accuracy/top1": 4.0})
    assert again["status"] == "done"


def test_a_work_dir_is_locked_while_it_trains(tiny, tmp_path):
    tiny.answer({"accuracy/top1": 1.0}, {"accuracy/top1": 2.0})
    runner = Runner.from_cfg(tiny.config(tmp_path))
    validate, seen = runner.val_loop.run, []

    def look_and_validate():
        seen.append(refused(tmp_path / ".lock"))
        return validate()

    runner.val_loop.run = look_and_validate
    runner.train()
    assert seen == [True, True]
    assert not refused(tmp_path / ".lock")
