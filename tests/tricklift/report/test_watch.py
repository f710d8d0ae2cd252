"""`report --watch`: the page follows the runs, and is left without the part that reloads it."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tricklift.cli import main
from tricklift.records.atomic import write_text
from tricklift.report.watch import watch
from tricklift.tables.analysis import Question


@pytest.fixture
def watched(tmp_path, repo) -> Iterator[tuple[subprocess.Popen, Path, Callable[[str], None]]]:
    """A process that watches a folder, the folder, and what waits until the process has said so."""
    folder, said = tmp_path / "runs", tmp_path / "log"
    command = [sys.executable, "-m", "tricklift", "report", str(folder), "--watch"]
    with said.open("w") as log:
        process = subprocess.Popen(command, cwd=repo, stderr=log)
    try:
        yield (
            process,
            folder,
            lambda words, *most: wait_for(lambda: words in said.read_text(), *most),
        )
    finally:
        process.kill()
        process.wait()


def test_the_page_follows_the_runs(watched, demo, tmp_path):
    process, folder, hear = watched
    out = folder / "report.html"
    hear(f"waiting for a run in {folder}")
    put(demo, folder, tmp_path)
    hear("6 of 6 runs done")
    assert 'http-equiv="refresh"' in out.read_text()
    tell(next(folder.rglob("result.json")), "running")
    hear("5 of 6 runs done")
    process.terminate()  # a shell that starts tests in the background has SIGINT ignored
    assert process.wait(60) == 0
    assert 'http-equiv="refresh"' not in out.read_text()
    hear(f"done: {out}\n")


def test_it_ends_when_the_jobs_have(watched, demo, tmp_path):
    process, folder, hear = watched
    put(demo, folder, tmp_path)
    file = next(folder.rglob("result.json"))
    tell(file, "running")
    job = {"name": "cls", "kind": "training", "needs": [], "work_dir": str(file.parent)}
    write_text(folder / "jobs.json", json.dumps({"version": 1, "jobs": [job]}))
    hear("5 of 6 runs done")
    assert process.poll() is None
    tell(file, "done")
    assert process.wait(60) == 0
    hear("6 of 6 runs done")
    assert 'http-equiv="refresh"' not in (folder / "report.html").read_text()


def test_a_baseline_that_is_still_to_come_is_waited_for(demo, tmp_path):
    """Another row finishes first: the usual baseline takes the place, which is said once."""
    folder, out, said, leads = tmp_path / "runs", tmp_path / "a.html", [], []
    shutil.copytree(demo / "cls", folder / "cls")
    late = list(folder.glob("cls/*standard/*/result.json"))
    for file in late:
        tell(file, "running")

    def until() -> bool:
        """After two pages, between which the baseline's runs finish."""
        if out.exists():
            leads.append(re.search('<p class="lead">(.*?)</p>', out.read_text(), re.DOTALL)[1])
            for file in late:
                tell(file, "done")
        return len(leads) == 2

    watch(folder, out, Question(baseline="B-standard"), said.append, pause=0, until=until)
    assert "Nothing to compare yet" in leads[0] and "over <b>B-standard</b>" in leads[1]
    (told,) = [line for line in said if "no row 'B-standard'" in line]
    assert "D-efficient" in told and "usual baseline" in told
    assert said[-1] == f"done: {out}"


def test_a_baseline_that_never_came_is_told_at_the_end_too(demo, tmp_path):
    out, said = tmp_path / "a.html", []
    watch(demo, out, Question(baseline="B-standart"), said.append, pause=0, until=lambda: True)
    assert "no row 'B-standart'" in said[-2] and "usual baseline" in said[-2]
    assert said[-1] == f"done: {out}"


def test_what_finishes_last_is_told(demo, tmp_path):
    """The jobs end after a look at the files, and before it is asked whether they have."""
    folder, said = tmp_path / "runs", []
    shutil.copytree(demo / "cls", folder)
    file = next(folder.rglob("result.json"))
    tell(file, "running")

    def until() -> bool:
        if said:
            tell(file, "done")
        return bool(said)

    watch(folder, tmp_path / "a.html", Question(), said.append, pause=0, until=until)
    assert any("6 of 6 runs done" in line for line in said)


def test_no_page_is_named_where_none_was_written(watched):
    process, folder, hear = watched
    hear(f"waiting for a run in {folder}")
    process.terminate()
    assert process.wait(60) == 0
    hear("no page was written")
    with pytest.raises(AssertionError):
        hear("done:", 0)


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


def put(demo: Path, folder: Path, aside: Path) -> None:
    """Finished runs into the folder, all at once."""
    shutil.copytree(demo / "cls", aside / "cls")
    folder.mkdir()
    (aside / "cls").rename(folder / "cls")


def tell(file: Path, status: str) -> None:
    """A result file that says so."""
    write_text(file, json.dumps(json.loads(file.read_text()) | {"status": status}))


def wait_for(condition: Callable[[], bool], most: float = 60) -> None:
    """Until it holds, at most a minute."""
    end = time.monotonic() + most
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def main_ends(arguments: list[str], code: int = 0) -> None:
    """Runs the command line in this process."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert (ended.value.code or 0) == code
