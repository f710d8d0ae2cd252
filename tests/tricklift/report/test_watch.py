"""`report --watch`: the page follows the runs, and is left without the part that reloads it."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tricklift.cli import main
from tricklift.records.atomic import write_text


def test_the_page_follows_the_runs(demo, tmp_path, repo):
    folder, out = tmp_path / "runs", tmp_path / "runs/report.html"
    command = [sys.executable, "-m", "tricklift", "report", str(folder), "--watch"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=repo, stderr=log)
    said = tmp_path / "log"
    try:
        wait_for(lambda: f"waiting for a run in {folder}" in said.read_text())
        shutil.copytree(demo / "cls", tmp_path / "cls")
        folder.mkdir()
        (tmp_path / "cls").rename(folder / "cls")
        wait_for(lambda: "6 of 6 runs done" in said.read_text())
        assert 'http-equiv="refresh"' in out.read_text()
        file = next(folder.rglob("result.json"))
        write_text(file, json.dumps(json.loads(file.read_text()) | {"status": "running"}))
        wait_for(lambda: "5 of 6 runs done" in said.read_text())
    finally:
        process.terminate()  # a shell that starts tests in the background has SIGINT ignored
    assert process.wait(60) == 0
    assert 'http-equiv="refresh"' not in out.read_text()
    assert said.read_text().endswith(f"done: {out}\n")


def test_one_page_and_where_it_lies(demo, tmp_path, capsys):
    out = tmp_path / "a.html"
    main_ends(["report", str(demo), "--out", str(out), "--baseline", "random init"])
    assert out.read_text().startswith("<!doctype html>")
    assert f"done: {out}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "asked, told",
    [
        (["report", "nowhere"], ["nowhere", "give one in which runs left result.json"]),
        (["report", "DEMO", "--baseline", "B-standart"], ["B-standart", "B-standard"]),
        (["report", "DEMO", "--variance", "mine"], ["'mine'", "pooled or own"]),
    ],
)
def test_what_cannot_be_answered_is_refused(asked, told, demo, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [str(demo) if word == "DEMO" else word for word in asked]
    main_ends([*words, "--out", str(tmp_path / "a.html")], code=2)
    error = capsys.readouterr().err
    assert all(part in error for part in told), error
    assert not Path("a.html").exists()


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds, at most a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def main_ends(arguments: list[str], code: int = 0) -> None:
    """Runs the command line in this process."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert (ended.value.code or 0) == code
