"""Which of our jobs are in Slurm's queue, which have left it, and how they ended."""

import time
from collections.abc import Sequence
from pathlib import Path

from tricklift.suite import states
from tricklift.suite.board import Board
from tricklift.suite.engines import Failure, slurm_client
from tricklift.suite.engines.slurm_client import Queued, SlurmError
from tricklift.suite.jobs import Job

#: Seconds between two looks at the queue: short after something happened, longer while nothing does.
SHORTEST, LONGEST = 1.0, 15.0
#: A job has left the queue, and its files do not say how it ended: so many seconds may a shared file
#: system take to show them here.
FILES_LATE = 90.0
#: How Slurm calls the end of a job that had no chance to note it.
CUT_OFF = {
    "OUT_OF_MEMORY": "it took more memory than it had; give more --memory",
    "TIMEOUT": "its time was over before it could save; give more --time",
    "CANCELLED": "it was cancelled",
    "NODE_FAIL": "its node failed",
    "PREEMPTED": "it was pre-empted, and this cluster does not queue such jobs again",
    "DEADLINE": "its deadline was over",
    "BOOT_FAIL": "its node did not start",
}


class Watch:
    """The jobs of one call, from new to their end.

    Args:
        jobs: Not yet done, each after those among them that it needs.
        out: Output folder.
        board: Where to say what happens.

    Attributes:
        failures: Of the jobs that failed so far.
    """

    def __init__(self, jobs: Sequence[Job], out: Path, board: Board) -> None:
        self.jobs = {job.name: job for job in jobs}
        self.out, self.board = out, board
        self.failures: list[Failure] = []
        self.titles = {name: f"[{n}/{len(jobs)}] {name}" for n, name in enumerate(self.jobs, 1)}
        self._new = set(self.jobs)
        self._queued: dict[str, Queued] = {}
        self._gone: dict[str, tuple[Queued, float]] = {}
        self._done: set[str] = set()
        self._lost: set[str] = set()
        self._pause, self._silent = SHORTEST, False

    def open(self) -> bool:
        """Whether anything may still happen."""
        return bool(self._new or self._queued or self._gone)

    def numbers(self) -> list[str]:
        """Slurm's numbers of the jobs in the queue."""
        return [queued.id for queued in self._queued.values()]

    def ready(self, most: int | None) -> list[Job]:
        """The jobs that may be submitted now, in order.

        Where only so many may be in the queue, a job waits until those that it needs are there.
        """
        room = len(self._new) if most is None else most - len(self._queued)
        here = self._done | set(self._queued) | set(self._gone)
        chosen: list[Job] = []
        for name, job in self.jobs.items():
            if len(chosen) >= room:
                break
            if name in self._new and all(n in here or n not in self.jobs for n in job.needs):
                chosen.append(job)
                here.add(name)
        return chosen

    def needs(self, job: Job) -> list[str]:
        """Slurm's numbers of what a job must wait for."""
        return [self._queued[name].id for name in job.needs if name in self._queued]

    def submitted(self, job: Job, number: str) -> None:
        """Note that a job is in the queue."""
        self._new.discard(job.name)
        self._queued[job.name] = Queued(number, "PENDING", "", "")
        self.board.say(f"{self.titles[job.name]}: submitted as Slurm job {number}")
        self._pause = SHORTEST

    def rest(self) -> None:
        """Waits until it is time to look again."""
        if self.open():
            time.sleep(self._pause)
            self._pause = min(self._pause * 1.3, LONGEST)

    def look(self) -> None:
        """Asks Slurm and the files what has happened since."""
        try:
            now = slurm_client.queue(self.out)
        except SlurmError as error:
            if not self._silent:
                self.board.say(f"Slurm does not answer ({error}); asking again")
            self._silent = True
            return
        self._silent = False
        for name, queued in now.items():
            if name in self.jobs and name not in self._done | self._lost:
                self._seen(name, queued)
        for name in [name for name in self._queued if name not in now]:
            self._gone[name] = self._queued.pop(name), time.monotonic()
            self._pause = SHORTEST
        for name in [name for name in self.jobs if name in self._gone]:  # needs come first
            queued, since = self._gone[name]
            if self._judged(name, queued, time.monotonic() - since):
                del self._gone[name]
        self._leave_out()

    def _seen(self, name: str, queued: Queued) -> None:
        if queued.reason == "DependencyNeverSatisfied":
            slurm_client.cancel([queued.id])
            self._queued.pop(name, None)
            self._new.add(name)  # its need is tried again, or has failed and this is left out
            return
        before = self._queued.get(name)
        self._queued[name] = queued
        title = self.titles[name]
        if name in self._new:
            self._new.discard(name)
            self.board.say(f"{title}: is Slurm job {queued.id} already, {queued.state.lower()}")
        elif before and before.state != queued.state:
            self._pause = SHORTEST
            if queued.state == "RUNNING":
                self.board.say(f"{title}: runs on {queued.nodes}")
            elif queued.state == "PENDING":
                self.board.say(f"{title}: was stopped and queued again; it resumes")
        if queued.state == "RUNNING":
            self.board.now(title, f"runs on {queued.nodes}")
        else:
            self.board.now(title, " ".join(filter(None, (queued.state.lower(), queued.reason))))

    def _judged(self, name: str, queued: Queued, seconds: float) -> bool:
        """Whether it is known how a job that left the queue has ended."""
        note = states.read(self.out, name)
        mine = note.get("slurm_job") == queued.id and note.get("state") != "running"
        if mine and note["state"] != "done":
            self._failed(name, note.get("words") or note["state"], int(note.get("code") or 1))
            return True
        if self.jobs[name].state() == "done":
            self._done.add(name)
            self.board.over(self.titles[name])
            self.board.say(f"{self.titles[name]}: done", self.jobs[name].summary())
            return True
        if any(need in self._lost for need in self.jobs[name].needs):
            self._new.add(name)  # Slurm took it out of the queue; `_leave_out` says so
            return True
        if any(need in self._gone for need in self.jobs[name].needs):
            return False
        state, reason = slurm_client.ending(queued.id)
        if state in CUT_OFF or seconds > FILES_LATE:
            why = CUT_OFF.get(state) or f"Slurm says {state or 'nothing'}, and it left no result"
            self._failed(name, f"{why} (Slurm job {queued.id})", 1)
            return True
        return False

    def _failed(self, name: str, words: str, code: int) -> None:
        self._lost.add(name)
        self.board.over(self.titles[name])
        self.failures.append(Failure(name, words, states.log_of(self.out, name), code))
        self.board.say(f"{self.titles[name]}: failed, {words}")

    def _leave_out(self) -> None:
        """Jobs that need one that failed are not submitted any more."""
        for name, job in self.jobs.items():
            lost = [need for need in job.needs if need in self._lost]
            if name in self._new and lost:
                self._new.discard(name)
                self._lost.add(name)
                self.board.over(self.titles[name])
                self.board.say(f"{self.titles[name]}: left out, it needs {lost[0]}")
