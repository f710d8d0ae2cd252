"""`tricklift demo`, `run` and `plan`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from tricklift.cli import report
from tricklift.cli.data import RESUMES, OwnFolder, Root, Weights, own_tier, say_aside
from tricklift.cli.engines import (
    Account,
    GpusPerJob,
    Launcher,
    MaxParallel,
    Memory,
    Nodes,
    Only,
    Partition,
    ProcessesPerJob,
    Retries,
    Slurm,
    Time,
    engine_of,
    write_scripts,
)
from tricklift.cli.signatures import taking_options_of
from tricklift.errors import UserError, stoppable

TierName = Annotated[
    str,
    typer.Argument(
        metavar="TIER",
        help="full, mini, small, smoke, zoo, own, or the path of a tier file (.yaml).",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(metavar="0,1", help="Seeds of the pretrainings.  [default: the tier's, mostly 0]"),
]
DownstreamSeeds = Annotated[
    str | None,
    typer.Option(
        metavar="0,1,2",
        help="Seeds of detection and segmentation, from each pretraining.  [default: the "
        "pretraining's]",
    ),
]
Rows = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Rows of the tier, or random-init.  [default: all]"),
]
Heads = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="Heads of the tier (full has c4, fpn, fcn and pspnet); det or seg: all of that task.  "
        "[default: all]",
    ),
]
Tables = Annotated[
    str | None,
    typer.Option(
        metavar="8,9", help="Only what fills these tables of the paper, 2 to 9.  [default: all]"
    ),
]
Tricks = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="Tricks to add to each pretraining config; tricks for detection only, to the "
        "detector's.",
    ),
]
Teacher = Annotated[
    str | None,
    typer.Option(
        metavar="REF",
        help="For `--tricks distillation`: a file or timm/NAME, with the tier's classes.",
    ),
]
Backbones = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Run each row with each of these backbones instead."),
]


@stoppable(RESUMES)
def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(file_okay=False, help="Output folder.")] = Path("demo"),
    max_parallel: Annotated[
        int | None,
        typer.Option(
            "--jobs", min=1, help="Jobs to run at the same time.  [default: 2, on one core 1]"
        ),
    ] = None,
) -> None:
    """Run all steps on generated data. Takes minutes."""
    from tricklift.suite.demo import demo as show
    from tricklift.suite.run import note_command

    note_command(out / "runs", context.obj)
    show(out, max_parallel)
    report.at_the_end(out / "runs", out)


@stoppable(RESUMES)
def run(
    context: typer.Context,
    tier: TierName,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for runs, exports, logs.")],
    root: Root = Path("data"),
    tables: Tables = None,
    rows: Rows = None,
    heads: Heads = None,
    seeds: Seeds = None,
    downstream_seeds: DownstreamSeeds = None,
    tricks: Tricks = None,
    teacher: Teacher = None,
    backbones: Backbones = None,
    max_parallel: MaxParallel = None,
    gpus_per_job: GpusPerJob = None,
    processes_per_job: ProcessesPerJob = 1,
    retries: Retries = 0,
    only: Only = None,
    launcher: Launcher = "local",
    partition: Partition = None,
    account: Account = None,
    time: Time = None,
    memory: Memory = None,
    nodes: Nodes = 1,
    slurm: Slurm = None,
    cls: OwnFolder = None,
    det: OwnFolder = None,
    seg: OwnFolder = None,
    weights: Weights = None,
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
    from rich.console import Console

    from tricklift.suite.run import note_command
    from tricklift.suite.run import run as run_tier

    run_tier(
        tier,
        out,
        root,
        engine_of(context.params),
        on_start=lambda: note_command(out, context.obj),
        only=split(only) or None,
        typed=context.obj,
        **asked(context),
    )
    from tricklift.tables.compare import compare as build  # not before: it imports much
    from tricklift.tables.page import to_markdown

    page = to_markdown(*build(out), out)
    Console().print(page, markup=False, highlight=False, soft_wrap=True)
    print(f"Everything is in {out}; 'tricklift compare {out}' prints the table again")
    report.at_the_end(out)


@taking_options_of(run)
def plan(
    context: typer.Context,
    tier: TierName,
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder of the run.")],
    root: Root = Path("data"),
    only: Only = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    sbatch: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write plain sbatch scripts with dependencies there."),
    ] = None,
    **given: Any,
) -> None:
    """Print what `tricklift run` would do with the same arguments. Nothing is changed.

    Each job with its state (done, running, stopped, stale and why, failed, waiting), the jobs that
    it waits for, its command, and an estimate of GPU-hours and disk. Where jobs run is taken as
    `run` takes it, and changes nothing here.

    \b
    What the paper's Tables 8 and 9 take:
      tricklift plan full --out runs/full --tables 8,9

    \b
    Data of your own (their configs go to a temporary folder):
      tricklift plan own --cls DIR --det DIR --out runs/mine

    \b
    Scripts for a cluster of which this host knows nothing (docs/cluster.md):
      tricklift plan full --out runs/full --tables 8,9 --gpus-per-job 8 \\
        --partition gpu --sbatch scripts
    """
    scripts = sbatch is not None or (out / "own").is_dir()
    with TemporaryDirectory(prefix="tricklift-plan-") as scratch:
        # Configs for data of one's own are written by `run`, and by what leaves scripts behind.
        tier = own_tier(context, tier, out if scripts else Path(scratch), say_aside)
        _plan(context, tier, out, root, only, as_json, sbatch)


def _plan(
    context: typer.Context,
    tier: str,
    out: Path,
    root: Path,
    only: str | None,
    as_json: bool,
    sbatch: Path | None,
) -> None:
    import json

    from rich.console import Console
    from rich.progress import Progress

    from tricklift.suite import graph, preview
    from tricklift.suite.plan import plan as jobs_of
    from tricklift.suite.run import check_tier
    from tricklift.suite.tier_file import read

    what = read(tier)
    jobs = jobs_of(what, out, root=root, **asked(context))
    check_tier(what, out)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking at earlier runs", total=len(jobs))
        steps = preview.look(jobs, out, root, lambda done, _: bar.update(task, completed=done))
    steps = preview.only(steps, split(only))
    if sbatch is not None:
        open_ones = {step.name for step in steps if step.state != "done"}
        left = [job for job in jobs if job.name in open_ones]
        graph.write(out, tier, root, asked(context), jobs)
        write_scripts(left, out, sbatch, context.params)
        return
    if as_json:
        print(json.dumps(preview.to_dict(what, steps, out, root), indent=2))
    else:
        print(preview.to_text(what, steps, out, root))


def asked(context: typer.Context) -> dict[str, Any]:
    """Which jobs of a tier the options of `run` and `plan` ask for, as `suite.plan.plan` takes it.

    Raises:
        UserError: Seeds that are no numbers.
    """
    given = context.params
    return {
        "seeds": numbers("--seeds", given["seeds"]),
        "downstream_seeds": numbers("--downstream-seeds", given["downstream_seeds"]),
        **{key: split(given[key]) or None for key in ("tables", "rows", "heads", "backbones")},
        "tricks": split(given["tricks"]),
        "teacher": given["teacher"],
    }


def split(text: str | None) -> list[str]:
    """The names of an option such as `a,b`."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def numbers(option: str, text: str | None) -> list[int] | None:
    """The whole numbers of an option such as `0,1,2`.

    Raises:
        UserError: Something else.
    """
    try:
        return [int(part) for part in text.split(",")] if text is not None else None
    except ValueError:
        raise UserError(f"{option} takes whole numbers like 0,1,2, got {text!r}") from None


COMMANDS = (demo, run, plan)
