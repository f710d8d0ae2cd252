"""A digest of what a run was begun with: the same one, nothing has changed; another one, look."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import zeros

from tricklift.records.identity import config_hash
from tricklift.records.schema import BEGUN_WITH
from tricklift.suite import begun_with
from tricklift.suite.jobs import Training


@pytest.fixture
def job(tmp_path) -> Training:
    file = tmp_path / "b.safetensors"
    save_file({"w": zeros(1)}, str(file), metadata={"config_hash": "a"})
    name = "det/x/seed0"
    given = {"backbone": "resnet18_b", "pretrained": str(file), "options": ("+row='x'",)}
    return Training(name, "det/mini/faster_rcnn_fpn", tmp_path / name, 0, **given)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"backbone": "resnet18_d"},
        {"tricks": ("giou_loss",)},
        {"options": ("+row='y'",)},
        {"config": "det/mini/faster_rcnn_c4"},
        {"pretrained": "none"},
    ],
)
def test_another_job_has_another_digest(job, change):
    assert begun_with.digest(replace(job, **change)) != begun_with.digest(job)
    moved = replace(job, work_dir=job.work_dir / "elsewhere", needs=("a",))
    assert begun_with.digest(moved) == begun_with.digest(job)


def test_so_have_other_weights_and_other_code(job, tmp_path, monkeypatch):
    before = begun_with.digest(job)
    os.utime(job.pretrained, (1, 1))
    after = begun_with.digest(job)
    assert before != after
    taught = replace(job, options=(f"model.distillation.teacher.checkpoint={job.pretrained}",))
    told = begun_with.digest(taught)
    os.utime(job.pretrained, (2, 2))
    assert begun_with.digest(taught) != told
    before = begun_with.digest(job)
    leaf = tmp_path / "configs" / "det" / "x.py"
    leaf.parent.mkdir(parents=True)
    leaf.write_text("a = 1\n")
    monkeypatch.setattr(begun_with, "config_root", lambda: tmp_path / "configs")
    begun_with._code.cache_clear()
    first = begun_with.digest(job)
    leaf.write_text("a = 10\n")
    begun_with._code.cache_clear()
    assert len({before, first, begun_with.digest(job)}) == 3
    begun_with._code.cache_clear()


def test_a_config_of_ones_own_has_none(job, tmp_path):
    own = tmp_path / "own.py"
    own.write_text("")
    assert begun_with.digest(replace(job, config=str(own))) is None


def leave(job: Training, **held) -> None:
    job.work_dir.mkdir(parents=True, exist_ok=True)
    result = {"schema": 2, "seed": 0, "status": "done", "config": "x.py", **held}
    (job.work_dir / "result.json").write_text(json.dumps(result))


def test_no_config_is_read_where_it_is_the_same(job, monkeypatch):
    monkeypatch.setenv(BEGUN_WITH, "of the caller")
    begun_with.announce(job)
    leave(job, begun_with=os.environ[BEGUN_WITH], config_hash="any")
    with monkeypatch.context() as patched:
        patched.setattr(Training, "resolved", lambda self: pytest.fail("it was read"))
        assert job.state() == "done"
        leave(job, begun_with=begun_with.digest(job), status="running")
        assert job.state() == "started"
    leave(job, begun_with="of another job", config_hash=config_hash(job.resolved()))
    assert job.state() == "done"  # by its hash, as a run by hand
    leave(job, begun_with="of another job", config_hash="any")
    assert job.state() == "stale"
    begun_with.announce(replace(job, config=str(Path(__file__))))
    assert BEGUN_WITH not in os.environ
