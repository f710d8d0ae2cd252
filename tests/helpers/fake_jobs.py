"""Jobs of a folder whose work is a line of shell: what engines do with jobs, without a training."""

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tricklift.suite import graph
from tricklift.suite.engines import Failure, Resources
from tricklift.suite.engines.local import Local
from tricklift.suite.jobs import Training

#: Leaves the result of a finished training, and when it began and ended.
WELL = 'printf \'{"status": "done", "metrics": {"top1": 50}}\' > result.json'


def job(out: Path, name: str, *needs: str) -> Training:
    """A training, by its name alone."""
    return Training(name, "cls/mini/resnet18_b-baseline", out / name, 0, needs=needs)


def write(out: Path, jobs: Sequence[Training]) -> None:
    """The folder's jobs.json."""
    graph.write(out, "mini", out / "data", {}, jobs)


class Shell:
    """Runs a script for each job, in its folder; `begun` and `ended` there say when.

    Args:
        scripts: By name; others end well at once.
    """

    def __init__(self, scripts: Mapping[str, str] | None = None) -> None:
        self.scripts = dict(scripts or {})

    def __call__(self, out: Path, name: str, resources: Resources) -> list[str]:
        place = shlex.quote(str(out / name))
        script = self.scripts.get(name, WELL)
        text = f"mkdir -p {place}; cd {place}; date +%s.%N > begun; {script}"
        return ["sh", "-c", f"{text}; code=$?; date +%s.%N > ended; exit $code"]


def times(one: Training) -> tuple[float, float]:
    """When a job began and ended, in seconds."""
    begun, ended = (float((one.work_dir / name).read_text()) for name in ("begun", "ended"))
    return begun, ended


def run(out: Path, jobs: Sequence[Training], board: object, **engine: object) -> list[Failure]:
    """Runs them on this host; `scripts` are those of `Shell`, all else is the engine's."""
    scripts = engine.pop("scripts", None)
    write(out, jobs)
    return Local(command=Shell(scripts), **engine).run(jobs, out, board)  # type: ignore[arg-type]


def until(condition: object, seconds: float = 30.0) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)
