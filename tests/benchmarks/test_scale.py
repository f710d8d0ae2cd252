"""Thousands of jobs: the suite's own cost stays small."""

import json

import pytest

from benchmarks import scale
from tricklift.suite import graph, states
from tricklift.suite.status import look


def test_plan_and_status_of_two_thousand_jobs(tmp_path):
    assert scale.plan_seconds(2000) < 2
    jobs = scale.waiting_jobs(tmp_path, 2000)
    graph.write(tmp_path, "none", tmp_path, {}, jobs)
    for number, job in enumerate(jobs):
        file = states.file_of(tmp_path, job.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        kind = ("done", "failed", "stopped")[number % 3]
        file.write_text(json.dumps({"state": kind, "attempt": 1, "started": states.now()}))
        job.work_dir.mkdir(parents=True)
        (job.work_dir / "result.json").write_text('{"status": "done", "metrics": {"top1": 1.0}}')
    assert len(look(tmp_path)) == 2000
    assert scale.status_seconds(tmp_path) < 1


def test_the_jobs_of_the_simulation_all_end_well(tmp_path):
    cost = scale.front_door_cost(tmp_path, count=8, parallel=4, seconds=0.2)
    assert {job.state for job in look(tmp_path)} == {"done"}
    assert 0 < cost["MiB"] < 200 and cost["s a job"] > 0


@pytest.mark.slow
def test_the_front_door_stays_small_and_idle(tmp_path):
    cost = scale.front_door_cost(tmp_path, count=240, parallel=24, seconds=5)
    assert cost["MiB"] < 200 and cost["share"] < 0.05
