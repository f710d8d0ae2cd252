"""What a job asks Slurm for: `sbatch` options from `--partition`, `--time`, `--slurm KEY=VALUE`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tricklift.errors import UserError, did_you_mean
from tricklift.suite.engines import Resources
from tricklift.suite.jobs import Export, Job

#: Minutes of a job's time limit where none is given. A job that meets it saves, is queued again and
#: resumes, and Slurm finds room for short jobs sooner.
DEFAULT_MINUTES = 4 * 60
#: So many seconds before its time limit a job is told to save; a part of a short limit.
WARNING_SECONDS, WARNING_SHARE = 120, 0.25
#: Options of `sbatch` that are set here, or that would break what is built on them.
TAKEN = {
    "array": "each job is submitted by itself",
    "dependency": "it follows from what a job needs",
    "error": "logs are in OUT/logs and OUT/slurm",
    "job-name": "it tells which job of which folder it is",
    "kill-on-invalid-dep": "what needs a failed job is taken out of the queue",
    "open-mode": "a log goes on after a requeue",
    "output": "logs are in OUT/logs and OUT/slurm",
    "parsable": "what sbatch answers is read here",
    "requeue": "a stopped job resumes",
    "no-requeue": "a stopped job resumes",
    "signal": "it tells a job to save before its time is over",
    "wait": "give nothing: 'tricklift run' waits",
    "wrap": "a job runs 'tricklift work'",
}
#: Options that have a name of their own on our command line.
NAMED = {
    "partition": "--partition",
    "account": "--account",
    "time": "--time",
    "mem": "--memory",
    "nodes": "--nodes",
    "gpus-per-node": "--gpus-per-job",
    "ntasks-per-node": "--processes-per-job",
}
TIME_FORMS = "minutes, HH:MM:SS or D-HH:MM:SS"


@dataclass(frozen=True)
class SlurmOptions:
    """What was given on the command line for Slurm.

    Attributes:
        partition: Or None for the cluster's default.
        account: Or None for the user's default.
        minutes: Time limit of a job, or None: the engine takes `DEFAULT_MINUTES`, at most the
            partition's; a script leaves it to the cluster.
        memory: Of a node, as Slurm writes it (`32G`), or None for the cluster's default.
        extra: Further options of `sbatch` by their long names; None as value: a bare flag.
    """

    partition: str | None = None
    account: str | None = None
    minutes: int | None = None
    memory: str | None = None
    extra: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def parse(
        cls,
        partition: str | None = None,
        account: str | None = None,
        time: str | None = None,
        memory: str | None = None,
        slurm: Sequence[str] = (),
    ) -> "SlurmOptions":
        """From what was typed.

        Args:
            partition: As it is.
            account: As it is.
            time: In one of `TIME_FORMS`.
            memory: As it is.
            slurm: `KEY=VALUE` or `KEY`, options of `sbatch`.

        Raises:
            UserError: No such form of time or memory, or a key that is set here.
        """
        if memory is not None and not re.fullmatch(r"\d+[KMGT]?", memory, re.IGNORECASE):
            raise UserError(f"--memory takes a number with K, M, G or T like 32G, got {memory!r}")
        minutes = None if time is None else minutes_of("--time", time)
        return cls(partition, account, minutes, memory, _extra(slurm))

    def flags(self, job: Job | None, resources: Resources) -> dict[str, str | None]:
        """Long options of `sbatch` for a job (None: a training); None as value: a bare flag.

        On one node, torchrun starts the processes, in one task; on several, `srun` one task each.
        """
        alone = isinstance(job, Export)
        nodes = 1 if alone else resources.nodes
        tasks = resources.processes if nodes > 1 else 1
        held: dict[str, str | None] = {
            "nodes": str(nodes),
            "ntasks-per-node": str(tasks),
        }
        if self.minutes:  # a limit above the partition's would wait for ever
            held["time"] = str(self.minutes)
        if resources.processes > tasks and not alone:
            held["cpus-per-task"] = str(resources.processes)
        if resources.gpus and not alone:
            held["gpus-per-node"] = str(resources.gpus)
        given = {"partition": self.partition, "account": self.account, "mem": self.memory}
        held |= {key: value for key, value in given.items() if value is not None}
        return held | {"kill-on-invalid-dep": "yes", "requeue": None} | dict(self.extra)


def resources_of(gpus: float | None, processes: int, nodes: int) -> Resources:
    """What a training gets: one process a GPU, or so many processes without GPUs.

    Raises:
        UserError: Processes are given beside GPUs.
    """
    whole = int(gpus or 0)
    if whole and processes > 1:
        raise UserError(
            f"--processes-per-job is for the CPU, and here each of {whole} GPUs gets a process; "
            "leave it out, or give --gpus-per-job 0"
        )
    return Resources(processes=whole or processes, gpus=whole, nodes=nodes)


def warning(minutes: int) -> int:
    """Seconds before a time limit at which a job is told to save; Slurm may be 30 s early."""
    return min(WARNING_SECONDS, int(minutes * 60 * WARNING_SHARE))


def minutes_of(option: str, text: str) -> int:
    """Minutes, rounded up, of one of Slurm's ways to write a time.

    Raises:
        UserError: It is none of them, or no time at all.
    """
    days, dash, rest = text.rpartition("-")
    parts = rest.split(":")
    if not all(part.isdecimal() for part in [*parts, *([days] if dash else [])]) or len(parts) > 3:
        raise UserError(f"{option} takes {TIME_FORMS}, got {text!r}")
    numbers = [int(part) for part in parts]
    if dash:  # D-HH, D-HH:MM, D-HH:MM:SS
        hours, minutes, seconds = [*numbers, 0, 0][:3]
        hours += 24 * int(days)
    elif len(numbers) == 3:
        hours, minutes, seconds = numbers
    else:  # MM, MM:SS
        hours, (minutes, seconds) = 0, [*numbers, 0][:2]
    total = hours * 60 + minutes + -(-seconds // 60)
    if total < 1:
        raise UserError(f"{option} must be at least one minute, got {text!r}")
    return total


def _extra(given: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for word in given:
        key, equals, value = word.partition("=")
        key = key.strip().lstrip("-").replace("_", "-")
        if not re.fullmatch(r"[a-z][a-z-]+", key):
            names = "long names of sbatch such as cpus-per-task=10 or exclusive"
            raise UserError(f"--slurm takes {names}, got {word!r}{did_you_mean(key, NAMED)}")
        if key in TAKEN:
            raise UserError(f"--slurm {key}: cannot be set, {TAKEN[key]}; leave it out")
        if key in NAMED:
            raise UserError(f"--slurm {key}: is {NAMED[key]} here; give that instead")
        if key in found:
            raise UserError(f"--slurm {key} is given twice; give it once")
        found[key] = value if equals else None
    return found
