"""The options of `tricklift run` that say where jobs run, and the engine that they make."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tricklift.suite.engines import Engine

MaxParallel = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "--max-parallel",
        min=1,
        help="Jobs to run at the same time; they share the cores.  "
        "[default: as many as there are GPUs for, else 1]",
    ),
]
GpusPerJob = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        help="GPUs of each training, one process on each; 0.5 lets two jobs share one, 0 trains "
        "on the CPU.  [default: 1 where there are GPUs]",
    ),
]
ProcessesPerJob = Annotated[
    int, typer.Option(metavar="N", min=1, help="Processes of each training on the CPU.")
]
Retries = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        help="Times that a failed job is tried again; it goes on from its last checkpoint.",
    ),
]
Only = Annotated[
    str | None,
    typer.Option(metavar="JOB,...", help="Run these jobs alone, such as one that failed."),
]


def engine_of(
    max_parallel: int | None, gpus_per_job: float | None, processes_per_job: int, retries: int
) -> "Engine":
    """The engine that was asked for."""
    from tricklift.suite.engines.local import Local

    return Local(max_parallel, gpus_per_job, processes_per_job, retries)
