"""`tricklift demo` and `run`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tricklift.cli import completion, report
from tricklift.cli.data import RESUMES, OwnCls, OwnDet, OwnSeg, Weights, own_tier
from tricklift.cli.engines import (
    Account,
    EngineName,
    GpusPerJob,
    Memory,
    Nodes,
    Only,
    Partition,
    ProcessesPerJob,
    Retries,
    Slurm,
    Time,
    engine_of,
)
from tricklift.cli.options import (
    WHICH,
    Jobs,
    LogTo,
    Root,
    RunFolder,
    Tables,
    Teacher,
    names_in,
    numbers_in,
)
from tricklift.errors import stoppable

TierName = Annotated[
    str,
    typer.Argument(
        metavar="TIER",
        autocompletion=completion.tier,
        help=f"{', '.join(completion.tier_names())}, or the path of a tier file (.yaml).",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="0,1",
        rich_help_panel=WHICH,
        help="Seeds of the pretrainings.  [default: the tier's, mostly 0]",
    ),
]
DownstreamSeeds = Annotated[
    str | None,
    typer.Option(
        metavar="0,1,2",
        rich_help_panel=WHICH,
        help="Seeds of detection and segmentation, from each pretraining.  [default: the "
        "pretraining's]",
    ),
]
Rows = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        autocompletion=completion.rows,
        rich_help_panel=WHICH,
        help="Rows of the tier, or random-init.  [default: all]",
    ),
]
Heads = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        autocompletion=completion.heads,
        rich_help_panel=WHICH,
        help="Heads of the tier (full has c4, fpn, fcn and pspnet); det or seg: all of that task.  "
        "[default: all]",
    ),
]
AddedTricks = Annotated[
    str | None,
    typer.Option(
        "--tricks",
        metavar="A,B",
        autocompletion=completion.tricks,
        rich_help_panel=WHICH,
        help="Tricks to add, by name (see `list tricks`), or path/to/trick.py: to each "
        "pretraining, and those of detection alone to the detectors.",
    ),
]
DemoJobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        help="Jobs at the same time; they share the cores.  [default: 2 where there are two cores]",
    ),
]
Backbones = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        autocompletion=completion.backbones,
        rich_help_panel=WHICH,
        help="Run each row with each of these backbones instead.",
    ),
]


@stoppable(RESUMES)
def demo(
    context: typer.Context,
    out: RunFolder = Path("demo"),
    max_parallel: DemoJobs = None,
    log_to: LogTo = None,
) -> None:
    """Run all steps on generated data. Takes minutes.

    Three rows with three seeds each: random weights, the plain recipe, the tricks. Pretraining,
    export, detection, segmentation, and the table. Rerun the same command to resume.

    \b
    In a folder of its own, one job at a time:
      tricklift demo --out runs/demo --jobs 1
    """
    from tricklift.suite.demo import demo as show
    from tricklift.suite.run import note_command

    note_command(out / "runs", context.obj)
    show(out, max_parallel, names_in("--log-to", log_to))
    report.at_the_end(out / "runs", out)


@stoppable(RESUMES)
def run(
    context: typer.Context,
    tier: TierName,
    out: RunFolder,
    root: Root = Path("data"),
    tables: Tables = None,
    rows: Rows = None,
    heads: Heads = None,
    seeds: Seeds = None,
    downstream_seeds: DownstreamSeeds = None,
    tricks: AddedTricks = None,
    teacher: Teacher = None,
    backbones: Backbones = None,
    max_parallel: Jobs = None,
    gpus_per_job: GpusPerJob = None,
    processes_per_job: ProcessesPerJob = 1,
    retries: Retries = 0,
    only: Only = None,
    engine: EngineName = "local",
    partition: Partition = None,
    account: Account = None,
    time: Time = None,
    memory: Memory = None,
    nodes: Nodes = 1,
    slurm: Slurm = None,
    cls: OwnCls = None,
    det: OwnDet = None,
    seg: OwnSeg = None,
    weights: Weights = None,
    log_to: LogTo = None,
) -> None:
    """Run all jobs of a tier. Rerun the same command to resume.

    `tricklift plan`, with the same arguments, says beforehand what there is to do.

    \b
    Two rows first, then the rest of the tier, two jobs at the same time:
      tricklift run small --out runs/small --rows random-init,resnet18_b-standard
      tricklift run small --out runs/small --downstream-seeds 0,1,2 --jobs 2

    \b
    Your choice of backbones (the tier zoo has one of each family, with short runs):
      tricklift run mini --out runs/mine --rows resnet18_b-baseline,random-init \\
        --backbones hardnet39ds,timm/resnet26d

    \b
    The paper's Tables 8 and 9, with the paper's heads; a tier of your own (docs/tiers.md):
      tricklift run full --out runs/full --tables 8,9 --heads c4,fcn
      tricklift run my_tier.yaml --out runs/mine

    \b
    Data of your own, any of the three (docs/your-data.md); configs for them are
    written to OUT/own and are yours to change:
      tricklift run own --cls DIR --det DIR --seg DIR --out runs/mine
      tricklift run own --det DIR --weights timm/resnet18.tv_in1k --out runs/mine
    """
    tier = own_tier(context, tier, out)
    from tricklift.suite.run import note_command
    from tricklift.suite.run import run as run_tier

    run_tier(
        tier,
        out,
        root,
        engine_of(context.params),
        on_start=lambda: note_command(out, context.obj),
        only=names_in("--only", only) or None,
        typed=context.obj,
        **asked(context),
    )
    report.at_the_end(out)


def asked(context: typer.Context) -> dict[str, Any]:
    """Which jobs of a tier the options of `run` and `plan` ask for, as `suite.plan.plan` takes it.

    Raises:
        UserError: Seeds that are no numbers, and what else is no list of different ones.
    """
    given = context.params
    seeds = ("seeds", "downstream_seeds")
    names = ("tables", "rows", "heads", "backbones")
    return {
        **{key: numbers_in(f"--{key.replace('_', '-')}", given[key]) for key in seeds},
        **{key: names_in(f"--{key}", given[key]) or None for key in names},
        "tricks": names_in("--tricks", given["tricks"]),
        "teacher": given["teacher"],
        "log_to": names_in("--log-to", given["log_to"]),
    }
