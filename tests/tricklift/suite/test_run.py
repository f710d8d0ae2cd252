"""The front door: what it refuses, what it reports, and trainings that are resumed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_jobs import job
from fake_jobs import run as fake_run

from tricklift.suite import graph, jobs, run
from tricklift.suite.board import Board
from tricklift.suite.engines import Failure
from tricklift.suite.engines.local import Local
from tricklift.suite.plan import plan
from tricklift.tables.compare import compare


@pytest.fixture
def training(tmp_path) -> jobs.Training:
    """A job with a real config."""
    name = "cls/resnet18_b-baseline/seed0"
    return jobs.Training(name, "cls/mini/resnet18_b-baseline", tmp_path / name, 0)


def at_once(job: jobs.Training, out: Path, capsys) -> tuple[list[Failure], str]:
    """Runs one job alone on this host; returns what failed, and what was said."""
    graph.write(out, "mini", os.environ.get("TRICKLIFT_ROOT", "data"), {}, [job])
    with Board(out) as board:
        failures = Local().run([job], out, board)
    return failures, capsys.readouterr().out


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


def test_a_failure_says_what_the_job_said(training, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tmp_path / "nowhere"))
    (failure,), _ = at_once(training, tmp_path, capsys)
    assert "nowhere" in failure.words and failure.code == 2
    assert failure.log == tmp_path / "logs" / "cls_resnet18_b-baseline_seed0.log"
    assert "Traceback (most recent call last)" in failure.log.read_text()
    assert not (training.work_dir / "result.json").exists()


def test_the_report_names_what_failed_how_to_retry_it_and_what_waits(tmp_path, capsys):
    chain = [job(tmp_path, "bad"), job(tmp_path, "next", "bad"), job(tmp_path, "last", "next")]
    script = {"bad": "echo Traceback; echo '  File x'; echo 'KeyError: 3'; exit 1"}
    with Board() as board:
        failures = fake_run(tmp_path, chain, board, scripts=script)
        typed = ["run", "mini", "--out", "a b", "--only", "x,y", "--jobs", "2"]
        run.report(failures, chain, typed, board)
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if line.startswith("  | ")] == [
        "  | Traceback",
        "  |   File x",
        "  | KeyError: 3",
    ]
    assert "failed: bad: KeyError: 3" in said
    assert f"  full log: {tmp_path}/logs/bad.log" in said
    assert "  to retry it alone: tricklift run mini --out 'a b' --jobs 2 --only bad" in said
    assert "not started, for they need it: next, last" in said


@pytest.mark.parametrize(
    ("only", "words"),
    [
        (["cls/resnet18_b-baselin/seed0"], "did you mean 'cls/resnet18_b-baseline/seed0'"),
        (["export/resnet18_b-baseline-seed0"], "needs cls/resnet18_b-baseline/seed0, .*not done"),
    ],
)
def test_only_a_job_that_is_there_and_whose_needs_are_done(tiny_root, tmp_path, only, words):
    with pytest.raises(ValueError, match=words):
        run.run("mini", tmp_path, tiny_root, only=only)
    assert not (tmp_path / "jobs.json").exists()


def test_a_killed_training_goes_on_from_its_last_checkpoint(
    tiny_root, tmp_path, monkeypatch, capsys
):
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
    failures, _ = at_once(job, tmp_path, capsys)
    assert not failures and job.state() == "done"
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


def test_a_folder_in_which_another_process_trains_is_not_moved_away(training, tmp_path, capsys):
    training.work_dir.mkdir(parents=True)
    (training.work_dir / "result.json").write_text('{"status": "running", "config_hash": "other"}')
    hold = (
        "import sys; from tricklift.records import lock;"
        "lock.take(*lock.of_run(sys.argv[1])); print('taken', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(training.work_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"taken\n"
        (failure,), _ = at_once(training, tmp_path, capsys)
    assert failure.words.startswith(f"another process ({other.pid} on ") and failure.code == 2
    assert f"trains in {training.work_dir}" in failure.words
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
