"""`OUT/jobs.json`: jobs come back as they were, later calls add to it."""

import json

import pytest

from tricklift.suite import graph
from tricklift.suite.plan import plan


def test_jobs_come_back_and_later_ones_are_added(tmp_path):
    first = plan("mini", tmp_path, rows=["resnet18_b-baseline"])
    graph.write(tmp_path, "mini", "data", {"rows": ["x"]}, first)
    more = plan("mini", tmp_path, seeds=[1])
    graph.write(tmp_path, "mini", "data", {"seeds": [1]}, more)
    names = [entry["name"] for entry in graph.read(tmp_path)]
    assert names == [job.name for job in [*first, *more]]
    for job in (*first, *more):
        assert graph.job_of(tmp_path, job.name) == job
    held = json.loads((tmp_path / "jobs.json").read_text())
    assert held["tier"] == "mini" and held["asked"] == {"seeds": [1]}
    assert graph.root_of(tmp_path).endswith("/data")


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no jobs.json in {tmp_path}; 'tricklift run"):
        graph.job_of(tmp_path, "a")
    graph.write(tmp_path, "mini", "data", {}, plan("mini", tmp_path))
    with pytest.raises(ValueError, match="did you mean 'det/random-init/seed0'"):
        graph.job_of(tmp_path, "det/random-int/seed0")
    (tmp_path / "jobs.json").write_text('{"version": 9, "jobs": []}')
    with pytest.raises(ValueError, match="is of version 9, and this tricklift reads 1"):
        graph.read(tmp_path)
