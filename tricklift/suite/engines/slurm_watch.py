"""Which of our jobs are in Slurm's queue, which have left it, and how they ended."""

import time
from collections.abc import Sequence
from pathlib import Path

from tricklift.suite import states
from tricklift.suite.board import Board
from tricklift.suite.engines import Failure, slurm_client
from tricklift.suite.engines.slurm_client import Queued, SlurmError
from tricklift.suite.jobs import Job
from tricklift.suite.processes import last_words

#: Seconds between two looks at the queue: short after something happened, then longer.
SHORTEST, LONGEST = 1.0, 15.0
#: Seconds that a shared file system may take to show here how a job has ended that left the queue.
FILES_LATE = 45.0
#: Said of a job that saved a checkpoint, and is not in the queue any more.
AGAIN = (
    "it was stopped with a checkpoint saved, and Slurm did not queue it again; the same command "
    "resumes it"
)
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
        self.board.ended(job.name, f"submitted as Slurm job {number}")
        self._pause = SHORTEST

    def withdrawn(self, job: Job) -> None:
        """Note that a job was taken out of the queue again."""
        self._queued.pop(job.name, None)

    def rest(self) -> None:
        """Waits until it is time to look again."""
        end = time.monotonic() + self._pause
        while self.open() and time.monotonic() < end:
            self.board.tick()
            time.sleep(min(1.0, self._pause))
        self._pause = min(self._pause * 1.3, LONGEST)

    def look(self) -> bool:
        """Asks Slurm and the files what has happened since; False where Slurm does not answer."""
        try:
            now = slurm_client.queue(self.out)
        except SlurmError as error:
            if not self._silent:
                self.board.say(f"Slurm does not answer ({error}); asking again")
            self._silent = True
            return False
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
                self.board.over(name)
        self._leave_out()
        return True

    def _seen(self, name: str, queued: Queued) -> None:
        """A job is in the queue."""
        if queued.reason == "DependencyNeverSatisfied":
            slurm_client.cancel([queued.id])
            self._queued.pop(name, None)
            self._new.add(name)  # its need is tried again, or has failed and this is left out
            return
        before = self._queued.get(name)
        self._queued[name] = queued
        if name in self._new:
            self._new.discard(name)
            self.board.ended(name, f"is Slurm job {queued.id} already, {queued.state.lower()}")
        if before and before.state == queued.state:
            return
        self._pause = SHORTEST
        if queued.state == "RUNNING":
            self.board.began(name)
        elif before:
            self.board.over(name)
            if queued.state == "PENDING":
                self.board.ended(name, "was stopped and is queued again; it resumes")

    def _judged(self, name: str, queued: Queued, seconds: float) -> bool:
        """Whether it is known how a job that left the queue has ended."""
        note, job = states.read(self.out, name), self.jobs[name]
        came_to = note.get("state") if note.get("slurm_job") == queued.id else None
        if came_to == "failed":
            self._failed(name, str(note.get("words")), int(note.get("code") or 1))
        elif came_to == "done":
            self._done.add(name)
            self.board.ended(name, "done", job.summary())
        elif lost := [need for need in job.needs if need in self._lost]:
            self._leave(name, lost[0])  # Slurm took it out of the queue
        elif any(need in self._gone for need in job.needs):
            return False
        else:
            state = slurm_client.ending(queued.id)
            if seconds < (0 if state in CUT_OFF else FILES_LATE):
                return False
            outer = slurm_client.log_of(self.out, queued.id)
            left = AGAIN if came_to == "stopped" else f"it left no result: {last_words(outer)}"
            why = CUT_OFF.get(state) or left
            words = f"{why} (Slurm job {queued.id}{f', {state}' if state else ''})"
            states.ended(self.out, name, note, state="failed", code=1, words=words)
            self._failed(name, words, 1, None if state in CUT_OFF else outer)
        return True

    def _failed(self, name: str, words: str, code: int, log: Path | None = None) -> None:
        self._lost.add(name)
        self.failures.append(Failure(name, words, log or states.log_of(self.out, name), code))
        self.board.ended(name, f"failed: {words}")

    def _leave(self, name: str, need: str) -> None:
        self._new.discard(name)
        self._lost.add(name)
        states.unqueue(self.out, name)
        self.board.ended(name, f"left out, it needs {need}")

    def _leave_out(self) -> None:
        """Jobs that need one that failed are not submitted any more."""
        for name, job in self.jobs.items():
            lost = [need for need in job.needs if need in self._lost]
            if name in self._new and lost:
                self._leave(name, lost[0])
