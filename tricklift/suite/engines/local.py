"""Jobs on this host, several at a time: each with its share of the cores or its own devices."""

import heapq
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path

from tricklift.errors import USER_ERROR, UserError
from tricklift.markdown import count, duration
from tricklift.records import lock
from tricklift.suite import states, warm
from tricklift.suite.board import Board
from tricklift.suite.devices import VISIBLE, devices
from tricklift.suite.engines import Failure, Resources
from tricklift.suite.jobs import Job
from tricklift.suite.processes import GRACE, Child, stop
from tricklift.suite.work import Outcome, attempt, bring, surroundings

#: Seconds between two looks at what runs, and at what another process holds.
TICK = 1.0


@dataclass(frozen=True)
class Local:
    """The engine of one host.

    Attributes:
        max_parallel: Jobs at the same time; None: as many as the devices allow, one on the CPU.
        gpus_per_job: GPUs of a training, one process each; 0.5 lets two jobs share one, 0 takes
            none. None: one where there are any.
        processes_per_job: Processes of a training on the CPU.
        retries: How often a failed job is tried again; it goes on from its last checkpoint.
        command: What runs a job, see `tricklift.suite.work.attempt`.
    """

    max_parallel: int | None = None
    gpus_per_job: float | None = None
    processes_per_job: int = 1
    retries: int = 0
    command: Callable[[Path, str, Resources], list[str]] = attempt

    def check(self) -> None:
        """Refuse what this host cannot give.

        Raises:
            UserError: More GPUs than there are, a count that is none, or processes beside GPUs.
        """
        for option, value in (("--jobs", self.max_parallel), ("--retries", self.retries + 1)):
            if value is not None and value < 1:
                least = 1 if option == "--jobs" else 0
                raise UserError(f"{option} must be at least {least}, got {value - 1 + least}")
        if self.processes_per_job < 1:
            raise UserError(f"--processes-per-job must be at least 1, got {self.processes_per_job}")
        gpus = self.gpus_per_job
        if gpus is not None and not (gpus >= 0 and (gpus % 1 == 0 or (1 / gpus) % 1 == 0)):
            raise UserError(
                "--gpus-per-job takes a whole number, or 0.5, 0.25, ... for jobs that share one; "
                f"got {gpus:g}"
            )
        if gpus and gpus > (there := len(devices())):
            raise UserError(
                f"--gpus-per-job {gpus:g}: this host has {count(there, 'GPU')} that torch can use; "
                + ("give fewer" if there else "leave it out to train on the CPU")
            )
        if self.processes_per_job > 1 and self._gpus():
            raise UserError(
                "--processes-per-job is for the CPU, and here each GPU gets a process; give "
                f"--gpus-per-job {self.processes_per_job} instead, or --gpus-per-job 0 for the CPU"
            )

    def _gpus(self) -> float:
        return float(bool(devices())) if self.gpus_per_job is None else self.gpus_per_job

    @property
    def resources(self) -> Resources:
        """What a training gets."""
        gpus = self._gpus()
        whole = int(max(gpus, 1)) if gpus else 0
        return Resources(processes=whole or self.processes_per_job, gpus=whole)

    def slots(self) -> list[str]:
        """For each job that may run at the same time, its devices; empty on the CPU."""
        gpus, there = self._gpus(), devices()
        if not gpus:
            return [""] * (self.max_parallel or 1)
        whole = self.resources.gpus
        sets = [",".join(there[at : at + whole]) for at in range(0, len(there), whole)]
        full = [one for one in sets if one.count(",") == whole - 1]
        return (full * round(1 / min(gpus, 1)))[: self.max_parallel]

    def run(self, jobs: Sequence[Job], out: Path, board: Board) -> list[Failure]:
        """Bring jobs to their end; see `Engine`."""
        return _Running(self, jobs, out, board).all()


@dataclass
class _Running:
    """One call of `Local.run`. Its methods run in one thread, and each job in another."""

    engine: Local
    jobs: Sequence[Job]
    out: Path
    board: Board
    slots: list[str] = field(init=False)
    ready: list[int] = field(default_factory=list)
    held: dict[int, float] = field(default_factory=dict)
    tries: dict[int, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    futures: dict[Future[Outcome], tuple[int, str]] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.slots = self.engine.slots()
        self.warm = self.engine.resources.single and self.engine.command is attempt
        self.environment = surroundings(self.out, len(self.slots) * self.engine.resources.processes)
        numbers = {job.name: number for number, job in enumerate(self.jobs)}
        self.order: TopologicalSorter[int] = TopologicalSorter()
        for number, job in enumerate(self.jobs):
            self.order.add(number, *(numbers[need] for need in job.needs if need in numbers))
        self.order.prepare()

    def all(self) -> list[Failure]:
        """Until nothing is left that can run."""
        with ThreadPoolExecutor(len(self.slots)) as pool:
            try:
                while self._start(pool) or self.futures or self.held:
                    ended = wait(self.futures, TICK, FIRST_COMPLETED).done if self.futures else ()
                    if not self.futures:
                        time.sleep(TICK)
                    for future in ended:
                        self._end(future)
                    self.board.tick()
            finally:
                self._stop()
        return self.failures

    def _start(self, pool: ThreadPoolExecutor) -> bool:
        """Start what can be started; whether anything was."""
        before = len(self.futures)
        for number in self.order.get_ready():
            heapq.heappush(self.ready, number)
        for number, since in list(self.held.items()):
            if time.monotonic() - since >= TICK and number not in self.ready:
                heapq.heappush(self.ready, number)
        while self.ready and self.slots:
            number = heapq.heappop(self.ready)
            if self._is_mine(number):
                slot = self.slots.pop(0)
                future = pool.submit(self._bring, self.jobs[number], slot)
                self.futures[future] = number, slot
                self.board.began(self.jobs[number].name)
        return len(self.futures) > before

    def _is_mine(self, number: int) -> bool:
        """Take the lock of a job; says so, once, where another process has it."""
        name = self.jobs[number].name
        try:
            lock.take(*states.lock_of(self.out, name))
        except UserError as error:
            if number not in self.held:
                self.board.say(f"{name}: {error.args[0].partition(';')[0]}; waits for it")
            self.held[number] = time.monotonic()
            return False
        self.held.pop(number, None)
        return True

    def _bring(self, job: Job, slot: str) -> Outcome:
        environment = self.environment | ({VISIBLE: slot} if slot else {})
        return bring(
            job,
            self.out,
            self.engine.command(self.out, job.name, self.engine.resources),
            environment,
            warm=self.warm and warm.possible(),
            running=self._runs,
            stopping=self.stopping.is_set,
        )

    def _runs(self, child: Child) -> None:
        self.children = [one for one in self.children if one.returncode is None]
        self.children.append(child)
        if self.stopping.is_set():
            child.terminate()

    def _end(self, future: Future[Outcome]) -> None:
        number, slot = self.futures.pop(future)
        self.slots.append(slot)
        job, outcome = self.jobs[number], future.result()
        self.board.over(job.name)
        lock.release(states.lock_of(self.out, job.name)[0])
        if outcome.state == "done":
            told = duration(outcome.seconds) if outcome.worked else "already done"
            self.board.ended(job.name, told, outcome.words)
            self.order.done(number)
            return
        tried = self.tries[number] = self.tries.get(number, 0) + 1
        if tried <= self.engine.retries and outcome.code != USER_ERROR:
            again = f"tries again ({tried} of {self.engine.retries})"
            self.board.ended(job.name, f"{outcome.words}; {again}")
            heapq.heappush(self.ready, number)
            return
        words = outcome.words
        if outcome.state == "stopped":
            words = f"stopped from outside, and can be resumed: {words}"
        self.board.ended(job.name, f"failed: {words}")
        log = states.log_of(self.out, job.name)
        self.failures.append(Failure(job.name, words, log, outcome.code))

    def _stop(self) -> None:
        """Stop what still runs, when the front door is to end."""
        left = [child for child in self.children if child.poll() is None]
        self.stopping.set()
        if not left:
            return
        jobs = count(len(left), "job")
        self.board.say(
            f"stopping {jobs}; a training saves a checkpoint first (up to {GRACE:.0f} s)"
        )
        try:
            killed = stop(left, GRACE)
        except KeyboardInterrupt:  # once more
            killed = stop(left, 0)
        if killed:
            self.board.say(f"{count(len(killed), 'job')} did not listen, and had to be killed")
        while not all(future.done() for future in self.futures):
            stop(self.children, 0)  # what was only just starting
        for number, _ in self.futures.values():
            lock.release(states.lock_of(self.out, self.jobs[number].name)[0])
