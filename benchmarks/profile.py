"""Where a training run spends its time, phase by phase, in a process of its own.

`profile(CONFIG)` starts this file as `tricklift run` would start a training. It trains for real,
with a stopwatch around mmengine's own parts. Phases do not overlap: what is saved within an epoch
counts as saving.
"""

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
from itertools import chain, repeat
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
RESULT = "phases.json"


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


def waited_for(batches: Iterator[Any], watch: Stopwatch) -> Iterator[Any]:
    """The batches of one pass over a loader, each of which is waited for under the stopwatch."""
    for name in chain(["first batches"], repeat("batches")):
        with watch.phase(name):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


@contextmanager
def watched(watch: Stopwatch) -> Iterator[None]:
    """Puts the stopwatch around mmengine's and our parts; takes it off again."""
    import mmengine.config.config as reading
    from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner, ValLoop
    from torch.utils.data import DataLoader

    from tricklift.records.results import ResultHook

    places = [
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
    start = watch.around(DataLoader.__iter__, "first batches")
    timed = [
        (owner, name, watch.around(getattr(owner, name), what)) for owner, name, what in places
    ]
    timed += [(DataLoader, "__iter__", lambda loader: waited_for(start(loader), watch))]
    with ExitStack() as undo:
        for owner, name, function in timed:
            undo.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, function)
        yield


def child(config: str, options: Sequence[str], folder: str, started: float) -> None:
    """What the process does that was started at `started`: trains, and leaves its phases there."""
    watch = Stopwatch()
    with watch.phase("imports"):
        from tricklift import config_keys
        from tricklift import train as training
    watch.wall["imports"] = time.monotonic() - started
    watch.cpu["imports"] = time.process_time()
    with watched(watch):
        with watch.phase("config"):
            parsed = config_keys.parse_options(options)
            cfg = training.build_config(config, work_dir=f"{folder}/run", options=parsed)
        with watch.phase("build"):
            training.train(cfg)
    found = {"wall": watch.wall, "cpu": watch.cpu, "ended": time.monotonic()}
    Path(folder, RESULT).write_text(json.dumps(found))


def profile(config: str, options: Sequence[str] = (), tree: str | Path | None = None) -> Phases:
    """Train a config once in a process of its own, and say where the time went.

    Its data are below `TRICKLIFT_ROOT`, `options` are `--cfg-options`, and `tree` is another
    checkout of this project whose code is to run.

    Returns:
        Phase -> `{wall, cpu}` in seconds, and one more for the data workers' processor seconds.

    Raises:
        RuntimeError: The training failed; says how.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **({"PYTHONPATH": str(tree)} if tree else {})}
        before = _children()
        settings = json.dumps([config, options, folder, time.monotonic()])
        command = [sys.executable, "-P", __file__, settings]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        ended, used = time.monotonic(), _children() - before
        out = Path(folder, RESULT)
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
    child(*json.loads(sys.argv[1]))
