"""A training on several nodes: its processes started with `srun`, inside a job of Slurm's."""

import os
import re
from collections.abc import Mapping, Sequence

from tricklift.suite.engines import Resources
from tricklift.suite.engines.slurm_client import SlurmError, ask

#: Seconds after the first process has ended until the others are ended: a process that failed
#: leaves the others waiting for it, and one that saved must not end one that still saves.
WAIT = 60
#: Ports that a rendezvous takes: from the first, so many; below those that systems hand out.
FIRST_PORT, PORTS = 12000, 20000


def spread(
    command: Sequence[str], resources: Resources, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """The command in all processes of a training, found to each other as mmengine's launcher does.

    Args:
        command: Of each process.
        resources: How many.
        environment: Of the Slurm job, on its first node.
    """
    words = ["srun", f"--nodes={resources.nodes}", f"--ntasks-per-node={resources.processes}"]
    words += ["--kill-on-bad-exit=0", f"--wait={WAIT}"]
    if cores := environment.get("SLURM_CPUS_PER_TASK"):  # srun takes it from sbatch no more
        words.append(f"--cpus-per-task={cores}")
    meet = ",".join(f"{key}={value}" for key, value in rendezvous(environment).items())
    return [*words, f"--export=ALL{',' * bool(meet)}{meet}", *command, "--launcher", "slurm"]


def rendezvous(environment: Mapping[str, str]) -> dict[str, str]:
    """Where the processes meet; what the environment says already is left out.

    mmengine takes the first node's name, which only Slurm may know, and one port for all jobs.
    """
    found = {}
    number, node = environment.get("SLURM_JOB_ID"), environment.get("SLURMD_NODENAME")
    if number and "MASTER_PORT" not in environment:
        found["MASTER_PORT"] = str(FIRST_PORT + int(number) % PORTS)
    if node and "MASTER_ADDR" not in environment and (address := _address(node)):
        found["MASTER_ADDR"] = address
    return found


def _address(node: str) -> str | None:
    """How Slurm reaches a node."""
    try:
        text = ask("scontrol", "show", "node", node, "--oneliner")
    except (SlurmError, OSError):
        return None
    address = re.search(r"\bNodeAddr=(\S+)", text)
    return address[1] if address else None
