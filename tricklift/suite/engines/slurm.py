"""The engine for a Slurm cluster: one Slurm job for each of ours, submitted with submitit.

Which waits for which is Slurm's affair (`afterok`), so this process may leave and come back: it
finds its jobs in the queue by their names. Whether one is done is told by files, `OUT/state` and
the results; Slurm is asked what is in the queue, and nothing of its accounting.
"""

import importlib.util
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tricklift.errors import UserError, did_you_mean
from tricklift.markdown import count
from tricklift.records import lock
from tricklift.suite import states
from tricklift.suite.board import Board
from tricklift.suite.engines import Failure, Resources, slurm_client
from tricklift.suite.engines.script import at_work, sbatch_lines
from tricklift.suite.engines.slurm_client import FOLDER, Partition, SlurmError
from tricklift.suite.engines.slurm_job import Work
from tricklift.suite.engines.slurm_options import (
    DEFAULT_MINUTES,
    SlurmOptions,
    minutes_of,
    resources_of,
    warning,
)
from tricklift.suite.engines.slurm_watch import Watch
from tricklift.suite.jobs import Job

#: Requeues for the time limit; those that save nothing end sooner (`slurm_job.UNSAVED`).
TIMEOUTS = 10_000


@dataclass(frozen=True)
class Slurm:
    """Jobs go to a Slurm cluster.

    Attributes:
        options: What they ask for beside processes and GPUs.
        gpus_per_job: GPUs of a training on each node, one process each. None: one where the
            partition has any.
        processes_per_job: Processes of a training on each node, without GPUs.
        nodes: Of a training.
        max_parallel: So many in the queue at a time; None: all at once.
        retries: How often a job that failed is tried again, in the same Slurm job.
    """

    options: SlurmOptions = field(default_factory=SlurmOptions)
    gpus_per_job: float | None = None
    processes_per_job: int = 1
    nodes: int = 1
    max_parallel: int | None = None
    retries: int = 0

    def check(self) -> None:
        """Has Slurm look at what would be submitted, and submits nothing.

        Raises:
            UserError: submitit or Slurm's commands are missing, there is no such partition, a time
                limit above the partition's, more GPUs than a node has, or what else Slurm refuses.
        """
        refuse_missing_submitit()
        slurm_client.refuse_missing_commands()
        flags: Mapping[str, str | None] = {}
        try:
            options, resources = self.fitted()
            flags = options.flags(None, resources)
            with tempfile.NamedTemporaryFile("w", suffix=".sh") as script:
                text = "\n".join(["#!/bin/bash", *sbatch_lines(flags), "exit", ""])
                script.write(text)
                script.flush()
                slurm_client.ask("sbatch", "--test-only", script.name)
        except SlurmError as error:
            words = " ".join(line.partition("--")[2] for line in sbatch_lines(flags))
            asked = f"; asked for: {words}; change --partition, --slurm KEY=VALUE or the like"
            raise UserError(f"Slurm refuses: {error}{asked * bool(flags)}") from None

    def fitted(self) -> tuple[SlurmOptions, Resources]:
        """What a training gets: a time limit and GPUs that the partition has.

        Raises:
            UserError: There is no such partition, or it does not allow what was given.
            SlurmError: Slurm does not answer.
        """
        known = {part.name: part for part in slurm_client.partitions()}
        given = self.options.partition
        for name in given.split(",") if given else ():
            if name not in known:
                raise UserError(
                    f"--partition: no partition {name!r} on this cluster; known: "
                    f"{', '.join(known) or 'none'}{did_you_mean(name, known)}"
                )
        names = given.split(",") if given else [n for n, part in known.items() if part.default]
        chosen = [known[name] for name in names]
        return self._in_time(chosen), self._on_gpus(chosen)

    def _in_time(self, partitions: Sequence[Partition]) -> SlurmOptions:
        limits = [part.limit for part in partitions if part.limit not in ("infinite", "n/a")]
        most = min((minutes_of("limit", limit) for limit in limits), default=None)
        minutes = self.options.minutes
        if minutes is not None and most is not None and minutes > most:
            raise UserError(
                f"--time: partition {_named(partitions)} allows {most} minutes, got {minutes}; "
                "give less (a job that meets its limit saves, is queued again and resumes)"
            )
        minutes = minutes or (DEFAULT_MINUTES if most is None else min(most, DEFAULT_MINUTES))
        return replace(self.options, minutes=minutes)

    def _on_gpus(self, partitions: Sequence[Partition]) -> Resources:
        most = max((part.gpus for part in partitions), default=0)
        gpus = min(1, most) if self.gpus_per_job is None else self.gpus_per_job
        if gpus % 1:
            raise UserError(f"--gpus-per-job: Slurm gives whole GPUs, got {gpus:g}; give 1 or more")
        if gpus > most:
            raise UserError(
                f"--gpus-per-job {gpus:g}: a node of partition {_named(partitions)} has "
                f"{count(most, 'GPU')}; give fewer, or more --nodes, or another --partition"
            )
        return resources_of(gpus, self.processes_per_job, self.nodes)

    def run(self, jobs: Sequence[Job], out: Path, board: Board) -> list[Failure]:
        """Brings jobs to their end, see `tricklift.suite.engines.Engine`.

        Raises:
            UserError: Slurm refuses a job; those submitted before it were cancelled, or are named.
        """
        watch = Watch(jobs, out, board)
        try:
            while watch.open():
                with lock.alone(out / FOLDER / ".submitting.lock"):
                    if watch.look():
                        self._submit(watch, out, board)
                watch.rest()
        except KeyboardInterrupt:
            if numbers := watch.numbers():
                board.say(
                    f"{count(len(numbers), 'job')} left in Slurm; the same command finds them "
                    f"again, and 'scancel {' '.join(numbers)}' ends them"
                )
            raise
        return watch.failures

    def _submit(self, watch: Watch, out: Path, board: Board) -> None:
        """Puts into the queue what may go there now."""
        ready = watch.ready(self.max_parallel)
        if not ready:
            return
        new: list[tuple[Job, str]] = []
        try:
            fitted = self.fitted()
            for job in ready:
                states.queue(out, job.name)
                new.append((job, self._submit_one(job, watch.needs(job), *fitted, out)))
                watch.submitted(*new[-1])
        except BaseException as error:
            for job in ready[len(new) : len(new) + 1]:
                states.unqueue(out, job.name)
            words = _withdrawn(new, watch, out)
            if isinstance(error, SlurmError):
                limit = "; --jobs N keeps fewer in the queue" * ("limit" in str(error))
                raise UserError(
                    f"Slurm refused {ready[len(new)].name}: {error}{limit}{words}"
                ) from None
            board.say(f"submitting was stopped{words}")
            raise

    def _submit_one(
        self,
        job: Job,
        needs: Sequence[str],
        options: SlurmOptions,
        resources: Resources,
        out: Path,
    ) -> str:
        """Submits a job; returns Slurm's number.

        Raises:
            SlurmError: Slurm refuses it.
        """
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        minutes = options.minutes or DEFAULT_MINUTES
        work = Work(at_work(out, job, resources), self.retries, patience=warning(minutes) * 0.8)
        executor = SlurmExecutor(
            folder=out.resolve() / FOLDER,
            max_num_timeout=TIMEOUTS,
            python=f"exec {shlex.quote(sys.executable)} -P",  # so the signal is for it, not a shell
        )
        executor.update_parameters(**parameters(job, needs, options, resources, out))
        try:
            return str(executor.submit(work).job_id)
        except (FailedJobError, FailedSubmissionError, subprocess.SubprocessError) as error:
            lines = str(error).splitlines()
            told = [line for line in lines if line.startswith("sbatch: ")] or lines
            raise SlurmError(slurm_client.said("\n".join(told))) from None


def parameters(
    job: Job, needs: Sequence[str], options: SlurmOptions, resources: Resources, out: Path
) -> dict[str, Any]:
    """What submitit writes into the file for sbatch."""
    from submitit.slurm.slurm import SlurmJobEnvironment

    flags: dict[str, Any] = {
        key: True if value is None else value
        for key, value in options.flags(job, resources).items()
    }
    minutes = int(flags.pop("time"))
    flags["signal"] = f"B:{SlurmJobEnvironment.USR_SIG}@{warning(minutes)}"
    if needs:
        flags["dependency"] = f"afterok:{':'.join(needs)}"
    return {
        "job_name": slurm_client.name_in_slurm(out, job.name),
        "time": minutes,
        "nodes": int(flags.pop("nodes")),
        "ntasks_per_node": int(flags.pop("ntasks-per-node")),
        "use_srun": False,
        "stderr_to_stdout": True,
        "wckey": None,
        "additional_parameters": flags,
    }


def _withdrawn(new: Sequence[tuple[Job, str]], watch: Watch, out: Path) -> str:
    """Cancels what was submitted in one go; what to say of it."""
    if not new:
        return ""
    numbers = [number for _, number in new]
    try:
        slurm_client.cancel(numbers)
    except SlurmError as error:
        left = f"end them with 'scancel {' '.join(numbers)}'"
        return f"; {len(new)} submitted before it could not be cancelled ({error}): {left}"
    for job, _ in new:
        watch.withdrawn(job)
        states.unqueue(out, job.name)
    return f"; {count(len(new), 'job')} submitted before it cancelled again"


def _named(partitions: Sequence[Partition]) -> str:
    return ",".join(part.name for part in partitions)


def refuse_missing_submitit() -> None:
    """Raises a UserError where submitit is not installed."""
    if importlib.util.find_spec("submitit") is None:
        raise UserError(
            "--engine slurm needs submitit, which is not installed; run: pip install submitit, or "
            "let 'tricklift plan ... --sbatch DIR' write scripts that need nothing"
        )
