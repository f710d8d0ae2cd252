"""Where a training run spends its time, phase by phase, in a process of its own.

`profile(CONFIG)` starts this file as `tricklift run` would start a training. It trains for real,
with a stopwatch around mmengine's own parts. Phases do not overlap: what is saved within an epoch
counts as saving.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

#: Phase -> what it holds, in the order in which a run comes to them.
PHASES = {
    "imports": "interpreter and imports",
    "config": "reading and resolving the config",
    "build": "Runner, model, weights, datasets, optimizer, log files",
    "first batches": "data workers start; the first batch of each epoch",
    "batches": "waiting for further batches",
    "training": "iterations: preprocessing, forward, backward, step",
    "hooks": "what runs around iterations and epochs: log, schedule of the rate",
    "validation": "the validation loop with its data and its metric",
    "checkpoints": "saving",
    "result": "result.json",
    "end": "from the last line of the training to the end of the process",
}
#: What the processes of the data loaders take, and what cannot be told from them: the very end.
WORKERS = "data workers"
Phases = dict[str, dict[str, float]]


class Stopwatch:
    """Seconds of each phase; those of an inner phase are taken off the outer one's.

    Attributes:
        wall: Phase -> seconds that passed.
        cpu: Phase -> seconds of all threads of this process, without data workers.
    """

    def __init__(self) -> None:
        self.wall = dict.fromkeys(PHASES, 0.0)
        self.cpu = dict.fromkeys(PHASES, 0.0)
        self._open: list[str] = []
        self._at = (0.0, 0.0)

    def _turn(self) -> None:
        now = time.monotonic(), time.process_time()
        if self._open:
            self.wall[self._open[-1]] += now[0] - self._at[0]
            self.cpu[self._open[-1]] += now[1] - self._at[1]
        self._at = now

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block; validation keeps all that is within it."""
        within = self._open[-1:] == ["validation"]
        self._turn()
        self._open.append("validation" if within else name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def around(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function, timed."""

        @wraps(function)
        def timed(*args: Any, **settings: Any) -> Any:
            with self.phase(name):
                return function(*args, **settings)

        return timed


class Batches:
    """The batches of one pass over a loader, each of which is waited for under the stopwatch."""

    def __init__(self, start: Callable[[], Iterator[Any]], watch: Stopwatch) -> None:
        self.watch = watch
        with watch.phase("first batches"):
            self.batches = start()
        self.name = "first batches"

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> Any:
        name, self.name = self.name, "batches"
        with self.watch.phase(name):
            return next(self.batches)


@contextmanager
def watched(watch: Stopwatch) -> Iterator[None]:
    """Puts the stopwatch around mmengine's and our parts; takes it off again."""
    import mmengine.config.config as reading
    from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner, ValLoop
    from torch.utils.data import DataLoader

    from tricklift.records.results import ResultHook

    places: list[tuple[Any, str, str]] = [
        (reading, "import_modules_from_strings", "imports"),
        (Runner, "__init__", "build"),
        (Runner, "train", "build"),
        (Runner, "call_hook", "hooks"),
        (Runner, "save_checkpoint", "checkpoints"),
        (EpochBasedTrainLoop, "run_iter", "training"),
        (IterBasedTrainLoop, "run_iter", "training"),
        (ValLoop, "run", "validation"),
        *((ResultHook, when, "result") for when in ("before_train", "after_train")),
        *((ResultHook, when, "result") for when in ("after_train_epoch", "after_val_epoch")),
    ]
    with ExitStack() as undo:
        for owner, name, phase in places:
            _replace(owner, name, watch.around(getattr(owner, name), phase), undo)
        start = DataLoader.__iter__
        _replace(DataLoader, "__iter__", lambda loader: Batches(lambda: start(loader), watch), undo)
        yield


def _replace(owner: Any, name: str, value: Any, undo: ExitStack) -> None:
    undo.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)


def child(argv: Sequence[str] | None = None) -> None:
    """What the started process does: trains, and leaves its phases in a file."""
    parser = argparse.ArgumentParser(description="Train a config under a stopwatch")
    parser.add_argument("config")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work-dir", required=True)
    parser.add_argument("--started", type=float, required=True, help="monotonic seconds")
    parser.add_argument("--cfg-options", nargs="*", default=[])
    args = parser.parse_args(argv)
    watch = Stopwatch()
    with watch.phase("imports"):
        from tricklift import config_keys
        from tricklift import train as training
    watch.wall["imports"] = time.monotonic() - args.started
    watch.cpu["imports"] = time.process_time()
    with watched(watch):
        with watch.phase("config"):
            options = config_keys.parse_options(args.cfg_options)
            cfg = training.build_config(args.config, work_dir=args.work_dir, options=options)
        with watch.phase("build"):
            training.train(cfg)
    found = {"wall": watch.wall, "cpu": watch.cpu, "ended": time.monotonic()}
    args.out.write_text(json.dumps(found))


def profile(config: str, options: Sequence[str] = (), tree: str | Path | None = None) -> Phases:
    """Train a config once in a process of its own, and say where the time went.

    Args:
        config: Short name or path; its data are below `TRICKLIFT_ROOT`.
        options: `--cfg-options`.
        tree: Another checkout of this project whose code is to run; None is the installed one.

    Returns:
        Phase -> `{wall, cpu}` in seconds, and one more for the data workers' processor seconds.

    Raises:
        RuntimeError: The training failed; says how.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "phases.json"
        command = [sys.executable, "-P", __file__, config, "--out", str(out)]
        environment = {**os.environ, **({"PYTHONPATH": str(tree)} if tree else {})}
        before = _children()
        command += ["--work-dir", f"{folder}/run", "--started", str(time.monotonic())]
        command += ["--cfg-options", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        ended, used = time.monotonic(), _children() - before
        if done.returncode or not out.is_file():
            words = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise RuntimeError(f"the run under the stopwatch failed: {words}")
        found = json.loads(out.read_text())
    found["wall"]["end"] += ended - found["ended"]
    phases = {
        name: {kind: round(found[kind][name], 3) for kind in ("wall", "cpu")} for name in PHASES
    }
    rest = used - sum(entry["cpu"] for entry in phases.values())
    return {**phases, WORKERS: {"wall": 0.0, "cpu": round(max(0.0, rest), 3)}}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    child()
