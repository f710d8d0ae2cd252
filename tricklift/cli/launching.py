"""`--launcher` of `train` and `test`: one command in several processes."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import typer

from tricklift.errors import UserError

# `mim` reads the help of `train` before it starts it: no option may begin with `--gpus`.
Launcher = Annotated[
    Literal["none", "pytorch", "slurm", "mpi"],
    typer.Option(
        help="How the processes of one training are started: pytorch (torchrun, which is called "
        "where it has not been), slurm (under srun) or mpi (under mpirun)."
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Processes on each node: how many `--launcher pytorch` starts, one a GPU.  "
        "[default: as many as there are GPUs]",
    ),
]


def _note_rank(rank: int | None) -> None:
    if rank is not None:
        os.environ.setdefault("LOCAL_RANK", str(rank))


LocalRank = Annotated[
    int | None,
    typer.Option(
        "--local_rank",
        "--local-rank",
        metavar="N",
        callback=_note_rank,
        help="Set by torch.distributed.launch.",
    ),
]
#: Launcher -> what its processes have in their environment.
MARKS = {
    "pytorch": "RANK",
    "slurm": "SLURM_PROCID",
    "mpi": "OMPI_COMM_WORLD_LOCAL_RANK",
}
#: Launcher that we do not start -> how its processes are started.
STARTED_BY = {
    "slurm": "start the command with srun (srun --ntasks=8 --ntasks-per-node=8 --gres=gpu:8 "
    "tricklift ...), or let `mim train tricklift` do so (--launcher slurm --gpus 8 "
    "--gpus-per-node 8 --partition NAME)",
    "mpi": "start the command with mpirun (mpirun -np 8 tricklift ...)",
}


def join(
    launcher: str,
    processes: int | None,
    arguments: Sequence[str],
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Goes on where this is one of the processes; else becomes torchrun, which starts them.

    Args:
        launcher: As given.
        processes: As given.
        arguments: Of the whole command, without the program.
        environment: Of this process.

    Raises:
        UserError: Nothing has started the processes, and we cannot; or their number is not known.
    """
    if launcher == "none":
        if processes is not None and processes > 1:
            raise UserError(f"--processes {processes} needs a launcher; add --launcher pytorch")
        return
    if MARKS[launcher] in environment:
        return
    if launcher != "pytorch":
        raise UserError(
            f"--launcher {launcher}: this is none of its processes; {STARTED_BY[launcher]}"
        )
    command = torchrun(processes, arguments)
    sys.stdout.flush()
    os.execve(command[0], command, {**environment, **_threads(command)})


def torchrun(processes: int | None, arguments: Sequence[str]) -> list[str]:
    """The command that starts the processes on this host.

    Raises:
        UserError: There is no GPU to count by.
    """
    if processes is None:
        from tricklift.suite.devices import accelerators

        processes = accelerators()
    if not processes:
        raise UserError("--launcher pytorch: no GPU here to count by; add --processes N")
    start = [sys.executable, "-P", "-m", "torch.distributed.run", "--standalone"]
    return [*start, f"--nproc-per-node={processes}", "-m", "tricklift", *arguments]


def _threads(command: Sequence[str]) -> dict[str, str]:
    """The share of the cores that each process gets; torchrun would give each one thread."""
    if "OMP_NUM_THREADS" in os.environ:
        return {}
    from tricklift.records.machine import cores

    count = next(int(word.partition("=")[2]) for word in command if word.startswith("--nproc"))
    return {"OMP_NUM_THREADS": str(max(1, cores() // count))}
