"""Running jobs: in the order of their needs, several at a time, resumed; what a failure says."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tricklift.errors import JobFailed
from tricklift.suite import jobs, run
from tricklift.suite.board import Board
from tricklift.suite.plan import plan
from tricklift.tables.compare import compare


@pytest.fixture
def training(tmp_path) -> jobs.Training:
    """A job with a real config."""
    name = "cls/resnet18_b-baseline/seed0"
    return jobs.Training(name, "cls/mini/resnet18_b-baseline", tmp_path / name, 0)


@dataclass(frozen=True)
class Writes:
    """A job that notes when it starts and ends, and leaves a file."""

    name: str
    file: Path
    needs: tuple[str, ...] = ()
    seconds: float = 0.0
    code: int = 0

    def state(self) -> str:
        return "done" if self.file.exists() else "new"

    def command(self, resume: bool) -> list[str]:
        program = (
            "import sys, time, pathlib; file = pathlib.Path(sys.argv[1]); start = time.time();"
            f"time.sleep({self.seconds}); code = {self.code};"
            "code or file.write_text(f'{start} {time.time()}'); sys.exit(code)"
        )
        return [sys.executable, "-c", program, str(self.file)]

    def clear(self, out: Path) -> Path | None:
        return None

    def summary(self) -> str:
        return self.file.name

    @property
    def times(self) -> tuple[float, float]:
        start, end = map(float, self.file.read_text().split())
        return start, end


def test_two_at_a_time_and_each_after_those_that_it_needs(tmp_path):
    one = Writes("one", tmp_path / "1", seconds=0.6)
    two = Writes("two", tmp_path / "2", seconds=0.6)
    three = Writes("three", tmp_path / "3", needs=("one", "two"))
    with Board() as board:
        run.run_jobs([one, two, three], tmp_path, board, max_parallel=2)
    assert max(one.times[0], two.times[0]) < min(one.times[1], two.times[1])  # side by side
    assert three.times[0] >= max(one.times[1], two.times[1])


def test_one_at_a_time(tmp_path, capsys):
    both = [Writes(str(n), tmp_path / str(n), seconds=0.1) for n in (1, 2)]
    with Board() as board:
        run.run_jobs(both, tmp_path, board)
        run.run_jobs(both, tmp_path, board)
    assert both[0].times[1] <= both[1].times[0]
    out = capsys.readouterr().out
    assert "[2/2] 2: starts" in out and "[1/2] 1: already done  1" in out


def test_a_failure_stops_what_runs_beside_it_and_what_follows(tmp_path):
    bad = Writes("bad", tmp_path / "bad", code=3)
    slow = Writes("slow", tmp_path / "slow", seconds=60)
    after = Writes("after", tmp_path / "after", needs=("bad",))
    began = time.monotonic()
    with Board() as board, pytest.raises(JobFailed, match="job bad failed: no output") as caught:
        run.run_jobs([bad, slow, after], tmp_path, board, max_parallel=2)
    assert caught.value.code == 3
    assert time.monotonic() - began < 30
    assert not slow.file.exists() and not after.file.exists()


def test_a_killed_job_is_not_explained_by_its_progress(tmp_path):
    class Killed(Writes):
        def command(self, resume: bool) -> list[str]:
            program = "import os; print('Epoch(train) [1]', flush=True); os.kill(os.getpid(), 9)"
            return [sys.executable, "-c", program]

    killed = Killed("big", tmp_path / "big")
    message = r"^job big was killed by SIGKILL \(out of memory\?\) \(full log: "
    with Board() as board, pytest.raises(JobFailed, match=message) as caught:
        run.run_jobs([killed], tmp_path, board)
    assert caught.value.code == -9


def test_a_job_that_leaves_nothing(tmp_path):
    class Idle(Writes):
        def state(self) -> str:
            return "new"

    idle = Idle("idle", tmp_path / "idle")
    with Board() as board, pytest.raises(JobFailed, match="job idle ended without a result"):
        run.run_jobs([idle], tmp_path, board)


def test_no_job_at_a_time(tmp_path):
    with pytest.raises(ValueError, match="--jobs must be at least 1, got 0"):
        run.run("mini", tmp_path, tmp_path, max_parallel=0)


@pytest.mark.parametrize("tier", ["small", "smoke", "zoo"])
def test_a_folder_with_runs_of_another_tier_is_refused(tmp_path, tier):
    (job,) = [job for job in plan("mini", tmp_path) if job.name == "det/random-init/seed0"]
    job.work_dir.mkdir(parents=True)
    mini = json.dumps({"tier": job.resolved()["benchmark"]["tier"], "config_hash": "x"})
    (job.work_dir / "result.json").write_text(mini)
    message = rf"^{tmp_path} holds the tier mini, not {tier}; give another --out$"
    with pytest.raises(ValueError, match=message):
        run.run(tier, tmp_path, tmp_path)
    assert (job.work_dir / "result.json").read_text() == mini
    with pytest.raises(ValueError, match="no data set 'miniworld'"):  # the next thing it looks at
        run.run("mini", tmp_path, tmp_path)


def test_a_failure_says_what_the_job_said_and_where_all_of_it_is(training, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tmp_path / "nowhere"))
    message = r"job cls/resnet18_b-baseline/seed0 failed: .*nowhere"
    with Board() as board, pytest.raises(JobFailed, match=message) as caught:
        run.run_jobs([training], tmp_path, board)
    assert caught.value.code == 2
    assert "full log: " in str(caught.value)
    log = (tmp_path / "logs" / "cls_resnet18_b-baseline_seed0.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert not (training.work_dir / "result.json").exists()


def test_a_killed_training_goes_on_from_its_last_checkpoint(tiny_root, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    options = (
        "train_dataloader.batch_size=8",
        "train_cfg.max_epochs=30",
        "train_cfg.val_interval=30",
        "model.backbone.width=0.25",
    )
    config = "cls/mini/resnet18_b-baseline"
    job = jobs.Training("cls/b/seed0", config, tmp_path / "cls", 0, options=options)
    child = subprocess.Popen(job.command(resume=False), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (job.work_dir / "last_checkpoint").is_file():  # written once a checkpoint is whole
        assert child.poll() is None, "the training ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.kill()
    child.wait()
    assert job.state() == "started"
    with Board() as board:
        run.run_jobs([job], tmp_path, board)
    assert job.state() == "done"
    assert "resumed epoch: " in (tmp_path / "logs" / "cls_b_seed0.log").read_text()


def test_commands_are_noted_one_after_another(tmp_path):
    run.note_command(tmp_path, ["run", "small", "--out", "a b"])
    run.note_command(tmp_path, ["run", "small", "--out", "a b", "--seeds", "0,1"])
    entries = json.loads((tmp_path / "commands.json").read_text())
    assert [entry["command"] for entry in entries] == [
        "tricklift run small --out 'a b'",
        "tricklift run small --out 'a b' --seeds 0,1",
    ]


def test_commands_of_several_processes_are_all_noted(tmp_path):
    note = (
        "import sys; from tricklift.suite.run import note_command\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for number in range(10): note_command(sys.argv[1], [sys.argv[2], str(number)])"
    )
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    both = [
        subprocess.Popen([sys.executable, "-c", note, str(tmp_path), name], **pipes)
        for name in ("a", "b")
    ]
    assert [each.stdout.readline() for each in both] == ["ready\n"] * 2
    for each in both:
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in both:
        each.communicate()
        assert each.returncode == 0
    noted = [entry["command"] for entry in json.loads((tmp_path / "commands.json").read_text())]
    assert sorted(noted) == sorted(f"tricklift {name} {n}" for name in "ab" for n in range(10))


def test_a_folder_in_which_another_process_trains_is_not_moved_away(training, tmp_path):
    training.work_dir.mkdir(parents=True)
    (training.work_dir / "result.json").write_text('{"status": "running", "config_hash": "other"}')
    hold = (
        "import sys; from tricklift.records import lock;"
        "lock.take(*lock.of_run(sys.argv[1])); print('taken', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(training.work_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"taken\n"
        message = rf"another process \({other.pid} on .+\) trains in {training.work_dir}; wait"
        with Board() as board, pytest.raises(ValueError, match=message):
            run.run_jobs([training], tmp_path, board)
    assert (training.work_dir / "result.json").is_file()
    assert not (tmp_path / jobs.STALE).exists() or not any((tmp_path / jobs.STALE).iterdir())


@pytest.mark.slow
def test_all_jobs_of_a_tier_and_a_second_run_that_does_nothing(tiny_root, tmp_path, capsys):
    before = dict(os.environ)
    run.run("smoke", tmp_path, tiny_root)
    assert dict(os.environ) == before
    rows, records = compare(tmp_path)
    assert [row["row"] for row in rows] == ["random init", "D-tricks"]
    assert all(record.done and record["tier"] == "smoke" for record in records)
    lifted = rows[1]
    assert lifted["backbone"] == "resnet18_d"
    assert all(lifted[metric]["n"] == 1 for metric in ("top1", "voc_map", "pix_acc", "miou"))
    before = {record.path: record.path.stat().st_mtime_ns for record in records}
    capsys.readouterr()
    run.run("smoke", tmp_path, tiny_root)
    assert capsys.readouterr().out.count("already done") == 6
    assert before == {record.path: record.path.stat().st_mtime_ns for record in records}
