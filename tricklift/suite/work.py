"""One job brought to its end, on whatever machine: `tricklift work OUT JOB`, called by each engine.

`bring` watches: it holds the job's lock, keeps its log and its state, passes signals on. It starts
one child, which decides (`prepared`) and then becomes the training or export; only the child
imports what these need.
"""

import dataclasses
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tricklift.errors import DEBUG, RESUMES, SAVED, STOPPED, USER_ERROR, UserError, one_line
from tricklift.records import lock
from tricklift.records.machine import cores
from tricklift.suite import begun_with, graph, states
from tricklift.suite.engines import Resources
from tricklift.suite.jobs import TRICKLIFT, Export, Job, Training
from tricklift.suite.processes import (
    LOOK,
    Child,
    LogNotWritten,
    code_of,
    killed_by,
    last_lines,
    last_words,
    refused,
)

#: What the child says where there was nothing to do.
ALREADY_DONE = "# already done"


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        state: `done`, `failed` or `stopped`.
        code: Exit code of the child; below 0, the signal that killed it.
        words: What went wrong, in one line; what came out of one that is done.
        seconds: How long it took.
        worked: False where it was done before.
    """

    state: str
    code: int
    words: str
    seconds: float
    worked: bool = True

    @property
    def exit_code(self) -> int:
        """Of `tricklift work`."""
        if self.state == "done":
            return 0
        if self.state == "stopped":
            return STOPPED
        return USER_ERROR if self.code == USER_ERROR else 1


def prepared(out: Path, name: str, resources: Resources) -> list[str] | None:
    """Looks where a job is, and says so; returns the command that ends it, None where it is done.

    A run of another config or other weights is moved aside first.

    Raises:
        UserError: There is no such job, or another process trains in its folder.
    """
    job = graph.job_of(out, name)
    state = job.state()
    if state == "done":
        print(ALREADY_DONE, flush=True)
        return None
    if state == "stale" and (aside := job.clear(out)):
        print(f"# config or weights changed; the old run was moved to {aside}", flush=True)
    if isinstance(job, Training):
        begun_with.announce(job)
    command = launched(job, job.command(resume=state == "started"), resources)
    print(f"$ {shlex.join(command)}", flush=True)
    return command


def launched(job: Job, command: Sequence[str], resources: Resources) -> list[str]:
    """The command, started in as many processes as the job gets."""
    if resources.single or isinstance(job, Export):
        return list(command)
    module = list(command[command.index("-m") :])
    if resources.nodes > 1:
        tasks = f"--ntasks-per-node={resources.processes}"
        spread = ["srun", f"--nodes={resources.nodes}", tasks, "--kill-on-bad-exit=1"]
        return [*spread, *command, "--launcher", "slurm"]
    torchrun = ["-m", "torch.distributed.run", "--standalone"]
    count = f"--nproc-per-node={resources.processes}"
    return [sys.executable, "-P", *torchrun, count, *module, "--launcher", "pytorch"]


def attempt(out: Path, name: str, resources: Resources) -> list[str]:
    """The command line of the child, which calls `prepared`."""
    given = dataclasses.asdict(resources).items()
    counts = [part for key, value in given for part in (f"--{key}", str(value))]
    return [*TRICKLIFT, "work", str(out), name, *counts, "--here"]


def surroundings(out: Path, share: int = 1) -> dict[str, str]:
    """The environment of a child, one of `share` that run on this host at the same time."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1", DEBUG: "1"}
    if root := graph.root_of(out):
        environment["TRICKLIFT_ROOT"] = root
    if share > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, cores() // share)))
    return environment


def watched(out: Path, name: str, resources: Resources) -> Outcome:
    """`bring` in a process of its own: `tricklift work`, on a cluster; waits for who has the job.

    SIGTERM, SIGUSR1 and SIGINT go to the child, which saves and ends.
    """
    job = graph.job_of(out, name)
    children: list[Child] = []
    told: list[int] = []

    def tell(number: int, frame: object) -> None:
        told.append(number)
        for child in children:
            child.terminate(number if number == signal.SIGUSR1 else signal.SIGTERM)

    def runs(child: Child) -> None:
        children.append(child)
        if told:
            child.terminate()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, tell)
    said = False
    while True:
        try:
            lock.take(*states.lock_of(out, name))
            break
        except UserError as error:
            if told:
                return Outcome("stopped", STOPPED, "while it waited for its turn", 0.0, False)
            if not said:
                print(f"{name}: {one_line(error).partition(';')[0]}; waits for it", flush=True)
            said = True
            time.sleep(LOOK)
    outcome = bring(
        job,
        out,
        attempt(out, name, resources),
        surroundings(out),
        running=runs,
        stopping=lambda: bool(told),
    )
    print(f"{name}: {outcome.state}: {outcome.words}", flush=True)
    return outcome


def bring(
    job: Job,
    out: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    warm: bool = False,
    running: Callable[[Child], None] = lambda child: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Runs one attempt of a job in a child process; keeps its log and its state.

    Args:
        job: Which.
        out: Output folder.
        command: Of the child, see `attempt`.
        environment: Of the child, see `surroundings`.
        warm: Fork the child from the fork server.
        running: Gets the child, to stop it.
        stopping: Whether it was asked to stop.

    Raises:
        UserError: Another process works on the job.
    """
    began, log = time.monotonic(), states.log_of(out, job.name)
    note: dict[str, Any] = {}
    code = USER_ERROR  # another attempt would not help
    with lock.alone(*states.lock_of(out, job.name)):
        try:
            note = states.begun(out, job.name)
            child = Child(command, environment, warm)
            running(child)
            child.follow(log, f"{note['attempt']} on {note['host']}, {states.now()}")
        except LogNotWritten as error:
            state, words = "failed", str(error)
        except OSError as error:
            state, words = "failed", refused(error)
        else:
            code = code_of(log, child.returncode or 0)
            state, words = judged(job, code, log, stopping())
        states.ended(out, job.name, note, state=state, code=code, words=words)
    worked = ALREADY_DONE not in last_lines(log)
    return Outcome(state, code, words, time.monotonic() - began, worked)


def judged(job: Job, code: int, log: Path, stopping: bool) -> tuple[str, str]:
    """The state that an attempt has left its job in, and the words for it."""
    if code == 0:
        done = job.has_result()
        return ("done", job.summary()) if done else ("failed", "it ended without a result")
    if stopping or code == STOPPED or any(SAVED in line for line in last_lines(log)):
        return "stopped", last_words(log).removesuffix(f"; {RESUMES}")  # `run` does that itself
    return "failed", killed_by(code) if code < 0 else last_words(log)
