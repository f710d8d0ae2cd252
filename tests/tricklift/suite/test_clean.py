"""`tricklift clean`: what goes, what stays, and what is never touched."""

import os
from pathlib import Path

import pytest

from tricklift.cli import main
from tricklift.records import lock
from tricklift.suite.clean import leftovers

KEPT = (
    "jobs.json",
    "logs/a.log",
    "exports/a.safetensors",
    "cls/a/seed0/result.json",
    "cls/a/seed0/epoch_3.pth",
    "cls/a/seed0/best_top1_epoch_1.pth",
    "cls/a/seed0/last_checkpoint",
    "cls/a/seed0/a.py",
    "cls/a/seed0/predictions.json.gz",
    "cls/a/seed0/training_items.json",
    "cls/b/seed0/result.json",
    "cls/b/seed0/epoch_1.pth",  # which of them is the last, nobody knows
    "cls/b/seed0/epoch_2.pth",
    "cls/a/seed0/epoch_4.pth",  # newer than the last: about to become it
    "exports/.b.safetensors.x1y2.tmp.safetensors",  # in the making
)
GOES = (
    ".stale/cls_a-12345678",
    "cls/a/seed0/epoch_2.pth",
    "cls/a/seed0/stopped_iter_9.pth",
    "cls/a/seed0/.epoch_3.pth.x1y2.tmp.pth",
    "exports/.a.safetensors.x1y2.tmp.safetensors",
)


@pytest.fixture
def finished(tmp_path) -> Path:
    for name in (*KEPT, *GOES[1:], ".stale/cls_a-12345678/epoch_1.pth", ".stale/x/result.json"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 1000)
        if name in GOES:
            os.utime(file, (0, 0))
    os.utime(tmp_path / "cls/a/seed0/epoch_3.pth", (1, 1))
    (tmp_path / "cls/a/seed0/last_checkpoint").write_text("/moved/since/epoch_3.pth")
    return tmp_path


def clean(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["clean", *arguments])
    return int(end.value.code or 0)


def test_it_lists_and_removes_only_when_told(finished, capsys):
    assert clean(str(finished)) == 0
    said = capsys.readouterr().out
    for name in GOES:
        assert str(finished / name) in said and (finished / name).exists()
    for name in KEPT:
        assert f"{finished / name}\n" not in said
    assert f"'tricklift clean {finished} --yes' removes them" in said
    assert clean(str(finished), "--yes") == 0
    assert all((finished / name).exists() for name in KEPT)
    assert not any((finished / name).exists() for name in GOES)
    capsys.readouterr()
    assert clean(str(finished)) == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_a_run_that_goes_on_is_left_alone(finished):
    held = lock.of_run(finished / "cls/a/seed0")[0]
    lock.take(held)
    try:
        found = {str(one.path.relative_to(finished)) for one in leftovers(finished)}
    finally:
        lock.release(held)
    assert found == {GOES[0], ".stale/x", GOES[4]}


def test_another_folder_is_refused(tmp_path, capsys):
    (tmp_path / "epoch_1.pth").touch()
    assert clean(str(tmp_path), "--yes") == 2
    assert f"no runs in {tmp_path}; give the folder" in capsys.readouterr().err
    assert (tmp_path / "epoch_1.pth").exists()
