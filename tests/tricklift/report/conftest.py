"""Pages of the shipped results, and of results with names that try to be HTML."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from finished_runs import finished

from tricklift.records.schema import RESULT_FILE
from tricklift.report.page import write
from tricklift.report.study import read
from tricklift.tables.records import Record

#: A row's name that must stay text.
EVIL = "<script>alert(1)</script> \"$\\bad$\" & '+' <img src=x onerror=alert(2)>"


def with_classes(result: dict) -> dict:
    """A result that tells its classes, with means that are its metrics."""
    metric = {"det": "voc_map", "seg": "miou"}.get(result["task"])
    if metric:
        mean = result["metrics"][metric]
        away = {"cat": -4.0, "dog": 1.0, "owl": 3.0}
        result["per_class"] = {metric: {name: mean + it for name, it in away.items()}}
    return result


def changed(source: Path, target: Path, change: Callable[[dict], dict]) -> Path:
    """A copy of results, each of them changed."""
    shutil.copytree(source, target)
    for file in target.rglob(RESULT_FILE):
        file.write_text(json.dumps(change(json.loads(file.read_text()))))
    return target


@pytest.fixture(scope="session")
def run() -> Callable[..., Record]:
    """`finished`."""
    return finished


@pytest.fixture(scope="session")
def evil() -> str:
    """The name of a row that is made of HTML."""
    return EVIL


@pytest.fixture(scope="session")
def demo(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's results, with classes."""
    folder = tmp_path_factory.mktemp("demo") / "runs"
    return changed(repo / "docs/results/demo", folder, with_classes)


@pytest.fixture(scope="session")
def page(demo: Path) -> Path:
    """The demo's report."""
    return write(read(demo), demo.parent / "report.html")


@pytest.fixture(scope="session")
def ladder_page(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a whole ladder."""
    out = tmp_path_factory.mktemp("ladder") / "report.html"
    return write(read(repo / "docs/results/cifar10"), out)


@pytest.fixture(scope="session")
def evil_page(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's report with a row whose name is made of HTML."""

    def rename(result: dict) -> dict:
        text = json.dumps(result).replace(
            json.dumps("D-efficient + cosine + smooth"), json.dumps(EVIL)
        )
        return json.loads(text)

    folder = changed(demo, tmp_path_factory.mktemp("evil") / "runs", rename)
    return write(read(folder), folder.parent / "report.html")
