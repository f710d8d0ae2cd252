"""What a CUDA GPU is asked: marked `gpu`, skipped without one, and written to a page.

make gpu                                                    # the tested set of packages
python -m pytest tests/gpu --gpu-page docs/gpu.md           # with those that are there
"""

import copy
import platform
import uuid
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from gpu_switches import section
from short_runs import FEW, LEAVES, SHORT

HERE = Path(__file__).parent
reports: list[pytest.TestReport] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--gpu-page", type=Path, help="write what ran on the GPU to this page")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if HERE in item.path.parents]
    for item in here:
        item.add_marker("gpu")
        if not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA GPU"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.nodeid.startswith("tests/gpu/") and (report.when == "call" or not report.passed):
        reports.append(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    target = session.config.getoption("--gpu-page", default=None)
    if target is not None and reports:
        target.write_text(page(reports))


def page(found: list[pytest.TestReport]) -> str:
    """The page: card and versions, what each test came to, and the switches."""
    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    packages = ("torchvision", "timm", "mmengine", "mmdet", "mmsegmentation", "numpy")
    versions = [f"{name} {version_of(name)}" for name in packages]
    rows = "\n".join(map(row, found))
    return f"""# On a GPU

Written by `python -m pytest tests/gpu --gpu-page docs/gpu.md`, which is what `make gpu` calls.

- card: {", ".join(cards) or "none here, so nothing was run"}
- torch {torch.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}
- {", ".join(versions)}

| what | of | result | seconds |
| --- | --- | --- | --- |
{rows}

{section()}
"""


def version_of(package: str) -> str:
    """The installed version that an import would find."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def row(report: pytest.TestReport) -> str:
    """One line of the table."""
    name, _, of = report.nodeid.partition("::test_")[2].partition("[")
    result = {"passed": "passed", "failed": "**failed**"}.get(report.outcome)
    if result is None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        result = f"not run: {reason.removeprefix('Skipped: ')}"
    seconds = "-" if report.skipped else f"{report.duration:.1f}"
    return f"| {name.replace('_', ' ')} | {of.rstrip(']')} | {result} | {seconds} |"


@pytest.fixture
def runner(tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Builds the Runner of a task's mini config, cut to two steps on a few pictures."""
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))

    def build(task: str, options: dict[str, Any] | None = None, **more: Any) -> Any:
        pytest.importorskip({"cls": "mmengine", "det": "mmdet", "seg": "mmseg"}[task])
        from tricklift import train as training

        settings = copy.deepcopy({**FEW, **SHORT[task], **(options or {})})  # merging changes it
        cfg = training.build_config(
            LEAVES[task], **{"work_dir": tmp_path, "seed": 0, "options": settings, **more}
        )
        cfg.experiment_name = uuid.uuid4().hex  # mmengine keeps its loggers by this name
        return training.build_runner(cfg)

    return build
