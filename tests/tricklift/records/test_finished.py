"""What a run has left is not replaced by another, whatever begins it: nothing in it changes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.runner import Runner

from tricklift import train as training
from tricklift.records.finished import refuse_to_replace

ANSWER = {"accuracy/top1": 50.0}
LOST = "holds a finished run .* would replace; give another --out"


def held(folder: Path) -> dict[str, bytes]:
    """Result and checkpoints, as they are (mmengine's Runner writes its config when it is made)."""
    files = (one for one in sorted(folder.glob("*")) if one.is_file() and one.suffix != ".py")
    return {str(one): one.read_bytes() for one in files}


def kept(folder: Path, **changes: object) -> None:
    """Changes a record."""
    record = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(record | changes))


@pytest.fixture(scope="module")
def done(tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("done")
    assert tiny.train(tiny.config(folder), ANSWER, ANSWER)["status"] == "done"
    return folder


@pytest.mark.parametrize("seed", [3, 5])
def test_a_finished_run_is_not_replaced(tiny, done, seed):
    """By `train`, which writes nothing at all, and by any other script with mmengine's Runner."""
    before, folders = held(done), sorted(done.iterdir())
    cfg = tiny.config(done, randomness=dict(seed=seed))
    with pytest.raises(ValueError, match=LOST):
        training.train(cfg)
    assert sorted(done.iterdir()) == folders
    with pytest.raises(ValueError, match=LOST):
        Runner.from_cfg(cfg).train()
    assert held(done) == before


def test_a_run_that_has_not_ended_is_begun_anew_by_the_same_alone(tiny, done, tmp_path):
    folder = tmp_path / "w"
    shutil.copytree(done, folder)
    kept(folder, status="running")
    for changes in (
        {"randomness": dict(seed=4)},
        {"optim_wrapper": dict(optimizer=dict(type="SGD", lr=0.2))},
    ):
        with pytest.raises(ValueError, match=r"has not ended, of another config or seed .*seed 3"):
            training.train(tiny.config(folder, **changes))
    tiny.answer(ANSWER, ANSWER)
    training.train(tiny.config(folder))
    assert json.loads((folder / "result.json").read_text())["status"] == "done"


def test_a_finished_run_is_resumed_but_not_from_nothing(tiny, done, tmp_path):
    folder = tmp_path / "w"
    shutil.copytree(done, folder)
    tiny.answer(ANSWER, ANSWER)
    training.train(tiny.config(folder, resume=True))
    for file in (*folder.glob("*.pth"), folder / "last_checkpoint"):
        file.unlink()
    before = (folder / "result.json").read_text()
    with pytest.raises(ValueError, match=r"finished run .*\(no checkpoint is there\)"):
        training.train(tiny.config(folder, resume=True))
    assert (folder / "result.json").read_text() == before


def test_an_empty_folder_is_free(tmp_path):
    refuse_to_replace(tmp_path)
    refuse_to_replace(tmp_path / "none")


@pytest.mark.parametrize(
    "script", [("-m", "tricklift", "train"), ("tricklift/.mim/tools/train.py",)]
)
def test_the_commands_say_so_in_one_line(script, done, repo):
    before, folders = held(done), sorted(done.iterdir())
    command = [sys.executable, *script, "cls/mini/resnet18_b-baseline", "--work-dir", str(done)]
    ended = subprocess.run(
        [*command, "--seed", "5"], cwd=repo, env={**os.environ}, capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert [line for line in ended.stderr.splitlines() if str(done) in line] == [
        line for line in ended.stderr.splitlines() if line.startswith("error: ")
    ]
    assert held(done) == before and sorted(done.iterdir()) == folders
