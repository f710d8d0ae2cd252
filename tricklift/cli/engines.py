"""The options of `tricklift run` that say where jobs run, and the engine that they make."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tricklift.cli.options import CLUSTER, WHERE_JOBS, WHICH
from tricklift.errors import UserError

if TYPE_CHECKING:
    from tricklift.suite.engines import Engine
    from tricklift.suite.engines.slurm_options import SlurmOptions
    from tricklift.suite.jobs import Job

GpusPerJob = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        min=0,
        rich_help_panel=WHERE_JOBS,
        help="GPUs of each training, one process on each; 0.5 lets two jobs share one, 0 trains "
        "on the CPU.  [default: 1 where there are GPUs]",
    ),
]
ProcessesPerJob = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        rich_help_panel=WHERE_JOBS,
        help="Processes of each training on the CPU.",
    ),
]
Retries = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        rich_help_panel=WHERE_JOBS,
        help="Times that a failed job is tried again; it goes on from its last checkpoint.",
    ),
]
Only = Annotated[
    str | None,
    typer.Option(
        metavar="JOB,...",
        rich_help_panel=WHICH,
        help="Run these jobs alone, such as one that failed.",
    ),
]


EngineName = Annotated[
    Literal["local", "slurm"],
    typer.Option(
        "--engine",
        rich_help_panel=WHERE_JOBS,
        help="Where jobs run: on this host, or on its Slurm cluster.",
    ),
]
Partition = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=CLUSTER,
        help="Partition of the cluster.  [default: the cluster's]",
    ),
]
Account = Annotated[
    str | None,
    typer.Option(metavar="NAME", rich_help_panel=CLUSTER, help="Account that is charged."),
]
Time = Annotated[
    str | None,
    typer.Option(
        metavar="LIMIT",
        rich_help_panel=CLUSTER,
        help="Time limit of a job: minutes, HH:MM:SS or D-HH:MM:SS. A job that meets it saves, is "
        "queued again and resumes.  [default: 4:00:00, or the partition's if less]",
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(metavar="SIZE", rich_help_panel=CLUSTER, help="Memory of each node, e.g. 64G."),
]
Nodes = Annotated[
    int,
    typer.Option(metavar="N", min=1, rich_help_panel=CLUSTER, help="Nodes of each training."),
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm",
        metavar="KEY=VALUE",
        rich_help_panel=CLUSTER,
        help="Any other option of sbatch by its long name, e.g. cpus-per-task=10, qos=long, "
        "exclusive. May be given several times.",
    ),
]


def engine_of(given: Mapping[str, Any]) -> "Engine":
    """The engine that was asked for.

    Args:
        given: The options above by their names, as a command's `context.params` has them.

    Raises:
        UserError: One of Slurm's options says nothing that Slurm knows, or jobs run on this host.
    """
    from tricklift.suite.engines.slurm_options import SlurmOptions

    options = slurm_options(given)
    refuse_parts(given["gpus_per_job"])
    if given["engine"] == "slurm":
        from tricklift.suite.engines.slurm import Slurm as Cluster

        keys = ("gpus_per_job", "processes_per_job", "nodes", "max_parallel", "retries")
        return Cluster(options, **{key: given[key] for key in keys})
    if given["nodes"] > 1 or options != SlurmOptions():
        raise UserError(
            "--partition, --account, --time, --memory, --nodes and --slurm are for a cluster; add "
            "--engine slurm, or leave them out"
        )
    from tricklift.suite.engines.local import Local

    return Local(
        max_parallel=given["max_parallel"],
        gpus_per_job=given["gpus_per_job"],
        processes_per_job=given["processes_per_job"],
        retries=given["retries"],
    )


def refuse_parts(gpus: float | None) -> None:
    """Refuses a number of GPUs that no share of one and no number of whole ones is.

    Raises:
        UserError: Says what is allowed.
    """
    if gpus is not None and gpus % 1 and (1 / gpus) % 1:
        raise UserError(
            "--gpus-per-job takes a whole number, or 0.5, 0.25, ... for jobs that share one; got "
            f"{gpus:g}"
        )


def slurm_options(given: Mapping[str, Any]) -> "SlurmOptions":
    """What was given for Slurm; see `engine_of`."""
    from tricklift.suite.engines.slurm_options import SlurmOptions

    keys = ("partition", "account", "time", "memory")
    return SlurmOptions.parse(**{key: given[key] for key in keys}, slurm=given["slurm"] or ())


def write_scripts(jobs: "Sequence[Job]", out: Path, folder: Path, given: Mapping[str, Any]) -> None:
    """Writes plain sbatch scripts of jobs, and says what to type; see `engine_of`.

    Args:
        jobs: Not yet done, each after those among them that it needs; `out` holds `jobs.json`.
        out: Output folder.
        folder: For the scripts.
        given: As of `engine_of`; without `--gpus-per-job` a training gets one GPU.
    """
    from tricklift.suite.engines import script
    from tricklift.suite.engines.slurm_options import resources_of

    gpus = 1 if given["gpus_per_job"] is None else given["gpus_per_job"]
    resources = resources_of(gpus, given["processes_per_job"], given["nodes"])
    files = script.write(jobs, out, folder, slurm_options(given), resources)
    print(f"wrote {len(files) - 1} scripts; submit them with: {files[-1]}")
