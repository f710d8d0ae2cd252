"""Tiers through Slurm: the same table, whoever is stopped on the way."""

import re
import signal
from pathlib import Path

import pytest

from tricklift.records.atomic import read_json
from tricklift.suite import states
from tricklift.suite.engines import slurm_client
from tricklift.tables.compare import compare
from tricklift.tables.page import render

TIER = Path(__file__).with_name("tiny.yaml")
BASE = "resnet18_b-baseline"


def table(out: Path) -> str:
    """The table's digits."""
    rows, records = compare(out)
    return render(rows, records, "csv", out)


@pytest.fixture
def call(tiny_root):
    """The arguments of a run of the tests' tier."""

    def build(out: Path, *more: str) -> tuple[str | Path, ...]:
        return ("run", TIER, "--out", out, "--root", tiny_root, *more)

    return build


def log(out: Path, name: str) -> str:
    """What a job's attempts said."""
    file = states.log_of(out, name)
    return file.read_text(errors="replace") if file.is_file() else ""


def steps(out: Path, name: str) -> list[str]:
    """The steps of the training that were logged, in order; an epoch has 8."""
    return re.findall(r"Epoch\(train\) +(\[\d+\]\[ *\d+/8\])", log(out, name))


def test_the_table_is_that_of_a_local_run_though_the_front_door_is_killed(
    cluster, front, call, tmp_path
):
    local, out = tmp_path / "local", tmp_path / "out"
    rows = ("--rows", f"random-init,{BASE}")
    first = front(*call(out, *rows, "--engine", "slurm"))
    first.until(lambda: first.said.count("submitted as Slurm job") == 6)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    numbers = {name: queued.id for name, queued in slurm_client.queue(out).items()}
    said = front(*call(out, *rows, "--engine", "slurm")).ends()
    assert "submitted as" not in said  # all were in the queue, or done
    for name, number in numbers.items():
        assert f"{name}: is Slurm job {number} already" in said or f"{name}: already done" in said
        assert states.read(out, name)["slurm_job"] == number
    front(*call(local, *rows, "--jobs", "2")).ends()
    assert "B-baseline" in table(out)
    assert table(out) == table(local)


def test_stopped_jobs_resume_and_a_failed_one_stops_no_other(
    cluster, at_once, front, call, tmp_path
):
    out, slow = tmp_path / "out", "cls/slow/seed0"
    only = f"{slow},export/slow-seed0,cls/broken/seed0,export/broken-seed0"
    run = front(*call(out, "--rows", "slow,broken", "--only", only, "--engine", "slurm"))
    run.until(lambda: steps(out, slow))
    number = slurm_client.queue(out)[slow].id
    cluster.call("scontrol", "requeue", number)  # as a cluster that pre-empts does
    run.until(lambda: log(out, slow).count("# attempt ") == 2)
    before = len(steps(out, slow))
    run.until(lambda: len(steps(out, slow)) > before)
    cluster.call("scontrol", "update", f"JobId={number}", "TimeLimit=1")
    run.until(lambda: "stopped by SIGUSR1" in log(out, slow))
    cluster.call("scontrol", "update", f"JobId={number}", "TimeLimit=30")
    said = run.ends(code=2)  # what failed is the user's to mend

    assert log(out, slow).count("# attempt ") == 3
    assert log(out, slow).count("a checkpoint is saved") >= 2
    result = read_json(out / slow / "result.json")
    assert result["status"] == "done"
    assert result["iters"] == len(steps(out, slow)) == 80  # none twice, none left out
    assert "export/slow-seed0: done" in said
    assert "failed: cls/broken/seed0" in said and "--only cls/broken/seed0" in said
    assert "export/broken-seed0: left out" in said
    assert not slurm_client.queue(out)


def test_two_nodes_train_one_job_together(cluster, front, call, tmp_path):
    name = f"cls/{BASE}/seed0"
    more = ("--rows", BASE, "--only", name, "--engine", "slurm", "--nodes", "2")
    front(*call(tmp_path / "out", *more)).ends()
    result = read_json(tmp_path / "out" / name / "result.json")
    assert result["status"] == "done" and result["world_size"] == 2
    assert result["batch_size"] == 2 * 8
