"""Shared by all tests: few threads, no folders of the caller's in configs, and real data if any."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import subprocess
from pathlib import Path
from typing import Any

import earlier_runs
import faults_page
import pytest

REPO = Path(__file__).resolve().parent.parent

for folder in ("TRICKLIFT_ROOT", "TRICKLIFT_EXPORTS"):  # configs read them: tests set their own
    os.environ.pop(folder, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow-share",
        type=int,
        metavar="N",
        help="with -m slow: one of N shares of the slow tests, the next one at each commit",
    )
    parser.addoption("--screenshots", metavar="DIR", help="keep the report's screenshots there")
    parser.addoption(
        "--faults-page", type=Path, help="write what `make faults` came to into this page"
    )


_reports: list[pytest.TestReport] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keeps what `--faults-page` tells of: calls, and what failed around one."""
    if report.when == "call" or report.failed:
        _reports.append(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the page of `--faults-page`, in the process that has all reports."""
    page = session.config.getoption("--faults-page")
    if page is not None and _reports and not hasattr(session.config, "workerinput"):
        faults_page.write(page, _reports)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the slow tests of the other shares."""
    shares = config.getoption("--slow-share")
    if not shares:
        return
    count = ["git", "-C", str(REPO), "rev-list", "--count", "HEAD"]
    commits = int(subprocess.run(count, capture_output=True, text=True, check=True).stdout)
    slow = [item for item in items if item.get_closest_marker("slow")]
    others = [item for place, item in enumerate(slow) if place % shares != commits % shares]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


@pytest.fixture(scope="session")
def repo() -> Path:
    """The folder of pyproject.toml."""
    return REPO


@pytest.fixture(autouse=True)
def no_earlier_runs() -> None:
    """Each test begins as a process does."""
    earlier_runs.forget()


@pytest.fixture
def baseline(repo: Path) -> Any:
    """The paper's baseline, ResNet-50-B, as the test's own."""
    from laid import FULL
    from mmengine.config import Config

    return Config.fromfile(repo / FULL)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data archives, `TRICKLIFT_DATA`; skips without it."""
    folder = os.environ.get("TRICKLIFT_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"TRICKLIFT_DATA is {folder!r}; set it to the folder of the data archives")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root for TRICKLIFT_ROOT that holds a MiniWorld of a few pictures; read it only."""
    from tricklift.data.miniworld import MiniWorldSizes, generate

    root = tmp_path_factory.mktemp("root")
    sizes = MiniWorldSizes(
        cls_train=64, cls_val=24, det_trainval=24, det_test=12, seg_train=12, seg_val=12
    )
    generate(root / "miniworld", sizes=sizes, workers=1)
    return root
