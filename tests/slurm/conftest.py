"""A real Slurm for these tests, marked `slurm`: started and stopped here, on loopback.

make slurm        # or: python -m pytest tests/slurm -m slurm
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from slurm_cluster import Cluster, missing

import tricklift

HERE = Path(__file__).parent
#: Seconds after which a requeued job has nothing of its last attempt left to report.
SETTLED = 6
INSTALL = "apt-get install slurm-wlm munge slurmdbd mariadb-server"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lacking = missing(accounting=True)
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("slurm")
            if lacking:
                reason = f"not installed: {', '.join(lacking)} ({INSTALL})"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Two nodes without accounting; this process is a client, and no job outlives the test."""
    for key, value in environment(_cluster).items():
        monkeypatch.setenv(key, value)
    yield _cluster
    _cluster.clear()


def environment(cluster: Cluster) -> dict[str, str]:
    """What a client has beside its own variables: the cluster, and this source tree."""
    source = str(Path(tricklift.__file__).parents[1])
    path = f"{source}:{HERE.parent / 'helpers'}"
    return {**cluster.environment, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def at_once(cluster: Cluster) -> Iterator[None]:
    """A requeued job begins soon: Slurm holds it for two minutes.

    Not at once: the end of its last attempt, reported late, would count as the end of the next.
    """
    over = threading.Event()

    def hurry() -> None:
        since: dict[str, float] = {}
        while not over.wait(0.5):
            with suppress(RuntimeError):
                held = cluster.call("squeue", "-h", "-t", "PENDING", "-o", "%i %r").split("\n")
                waiting = {line.split()[0] for line in held if line.endswith("BeginTime")}
                since = {number: since.get(number, time.monotonic()) for number in waiting}
                for number, begun in since.items():
                    if time.monotonic() - begun > SETTLED:
                        cluster.call("scontrol", "update", f"JobId={number}", "StartTime=now")

    thread = threading.Thread(target=hurry)
    thread.start()
    yield
    over.set()
    thread.join()


class Front:
    """`tricklift` as a process, whose output can be waited for.

    Args:
        arguments: Behind `tricklift`.
        folder: For the file that keeps what it says.
    """

    def __init__(self, arguments: Sequence[str | Path], folder: Path) -> None:
        self._file = folder / f"front-{time.monotonic_ns()}.log"
        with self._file.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tricklift", *map(str, arguments)],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "COLUMNS": "200"},
            )

    @property
    def said(self) -> str:
        """Its output so far."""
        return self._file.read_text()

    def until(self, happened: Callable[[], object], seconds: float = 120) -> None:
        """Waits until something has happened, while it runs."""
        end = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.2)

    def ends(self, code: int = 0, seconds: float = 200) -> str:
        """Waits for its end with this exit code; returns what it said."""
        try:
            assert self.process.wait(seconds) == code, self.said
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end:\n{self.said}") from None
        return self.said


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Callable[..., Front]]:
    """Starts `tricklift`; what still runs at the end of the test is killed."""
    started: list[Front] = []

    def start(*arguments: str | Path) -> Front:
        started.append(Front(arguments, tmp_path))
        return started[-1]

    yield start
    for one in started:
        with suppress(ProcessLookupError):
            one.process.kill()
        one.process.wait(10)
