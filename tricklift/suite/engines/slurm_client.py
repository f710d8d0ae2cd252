"""Slurm's own commands, asked and understood: `squeue`, `scontrol`, `sinfo`, `sbatch`, `scancel`.

Nothing here needs accounting: `sacct` is not asked.
"""

import getpass
import hashlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tricklift.errors import UserError

COMMANDS = ("sbatch", "squeue", "scontrol", "sinfo", "scancel")
#: Below the output folder: what submitit keeps, and what the jobs say outside of their own logs.
FOLDER = "slurm"
#: Seconds that a command may take; a busy controller takes its time.
PATIENCE = 120.0


class SlurmError(Exception):
    """Slurm answered with an error; the message is what it said, in one line."""


@dataclass(frozen=True)
class Queued:
    """A job in Slurm's queue.

    Attributes:
        id: Slurm's number.
        state: Such as PENDING or RUNNING.
        reason: Why it waits.
        nodes: Where it runs.
    """

    id: str
    state: str
    reason: str
    nodes: str


@dataclass(frozen=True)
class Partition:
    """A part of the cluster.

    Attributes:
        name: Of the partition.
        limit: Longest time of a job, as Slurm writes it; `infinite` where there is none.
        default: Whether a job goes there that names none.
        gpus: Most on one node.
    """

    name: str
    limit: str
    default: bool
    gpus: int = 0


def refuse_missing_commands() -> None:
    """Raises a UserError where Slurm's commands are not installed."""
    lacking = [name for name in COMMANDS if shutil.which(name) is None]
    if lacking:
        raise UserError(
            f"--engine slurm: no {', '.join(lacking)} on this host; run it where 'sbatch' works "
            "(a login node), or let 'tricklift plan ... --sbatch DIR' write scripts to submit there"
        )


def ask(*command: str) -> str:
    """What a command of Slurm prints.

    Raises:
        SlurmError: It failed, or did not answer in time.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise SlurmError(f"{command[0]} did not answer for {PATIENCE:.0f} s") from None
    if done.returncode:
        raise SlurmError(said(done.stderr or done.stdout) or f"{command[0]}: {done.returncode}")
    return done.stdout


def said(text: str) -> str:
    """Slurm's complaint in one line, without the command's name before it."""
    prefix = r"^\w+: (error: |fatal: )?(allocation failure: |Batch job submission failed: )?"
    lines = [re.sub(prefix, "", line.strip()) for line in text.splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line))


def name_in_slurm(out: Path, job: str) -> str:
    """What a job of a folder is called in the queue: by this it is found again."""
    folder = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:8]
    return f"{job}@{folder}"


def queue(out: Path) -> dict[str, Queued]:
    """The jobs of a folder that wait or run, by their names.

    Raises:
        SlurmError: Slurm does not answer.
    """
    tail = name_in_slurm(out, "")
    found = {}
    for line in ask("squeue", "-h", "-u", getpass.getuser(), "-o", "%i|%T|%r|%N|%j").splitlines():
        number, state, reason, nodes, name = line.split("|", 4)
        if name.endswith(tail):
            found[name.removesuffix(tail)] = Queued(number, state, reason, nodes)
    return found


def log_of(out: Path, number: str) -> Path:
    """What a job of Slurm says outside of our job's own log: submitit's lines, and Slurm's."""
    return out / FOLDER / f"{number}_0_log.out"


def ending(number: str) -> str:
    """The state of a job that has left the queue; empty where Slurm forgot it.

    Slurm keeps them for some minutes (`MinJobAge`).
    """
    try:
        text = ask("scontrol", "show", "job", number, "--oneliner")
    except SlurmError:
        return ""
    found = re.search(r"\bJobState=(\w+)", text)
    return found[1] if found else ""


def partitions() -> list[Partition]:
    """The partitions that this user may see.

    Raises:
        SlurmError: Slurm does not answer.
    """
    found: dict[str, Partition] = {}
    for line in ask("sinfo", "-h", "-o", "%P|%l|%G").splitlines():
        word, limit, gres = line.split("|", 2)
        name = word.rstrip("*")
        gpus = sum(int(number) for number in re.findall(r"gpu(?::[^,:(]+)?:(\d+)", gres))
        most = max(gpus, found[name].gpus if name in found else 0)
        found[name] = Partition(name, limit, word.endswith("*"), most)
    return list(found.values())


def cancel(numbers: Sequence[str]) -> None:
    """Takes jobs out of the queue, and ends those that run.

    Raises:
        SlurmError: Slurm does not answer.
    """
    if numbers:
        ask("scancel", *numbers)
