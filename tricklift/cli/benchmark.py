"""`tricklift demo`, `prepare`, `run`, `plan` and `compare`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tricklift.cli.engines import (
    GpusPerJob,
    MaxParallel,
    Only,
    ProcessesPerJob,
    Retries,
    engine_of,
)
from tricklift.errors import UserError, stoppable

Root = Annotated[
    Path,
    typer.Option(envvar="TRICKLIFT_ROOT", help="The folder that holds the data sets."),
]
TierName = Annotated[
    str,
    typer.Argument(
        metavar="TIER", help="full, mini, small, smoke, zoo, or the path of a tier file (.yaml)."
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
#: Said of a command that was stopped.
RESUMES = "rerun the same command to resume"


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


@stoppable(RESUMES)
def prepare(
    name: Annotated[str, typer.Argument(help="One of the names above.")],
    root: Root = Path("data"),
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A folder with the archives, or with an unpacked copy."),
    ] = None,
) -> None:
    """Put a data set in place and check it. One that is in place is only checked.

    \b
    generated:            miniworld
    small, real:          tiny-imagenet (downloaded, 248 MB), groceries, camvid,
                          cifar10, bccd (bring your own copy: without one, this
                          says where to get it)
    for benchmarks:       imagenet-samples (likewise)
    downloaded:           voc (VOC 2007 and 2012, 2.9 GB), ade20k (1.0 GB),
                          places365 (256 px, 27 GB)
    bring your own copy:  imagenet (155 GB, needs a login)

    \b
    Archives are looked for in --from, TRICKLIFT_DATA and ROOT/archives.
    Downloads go to ROOT/archives; a stopped one is resumed, a stopped
    unpacking starts over. Archives must have the published sizes and
    checksums. Of what was unpacked, files are counted and some images
    decoded; of the small sets, some checksums are compared.
    Where nothing can be compared, the output says so. ROOT/.tricklift keeps
    checksums for later calls.

    \b
    An unpacked copy is linked, not copied:
      tricklift prepare imagenet --root data --from /datasets/imagenet
    """
    from tricklift.suite.demo import with_progress

    print(f"ready: {with_progress(name, root, source)}")


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
    """
    from rich.console import Console

    from tricklift.suite.run import note_command
    from tricklift.suite.run import run as run_tier

    run_tier(
        tier,
        out,
        root,
        engine_of(max_parallel, gpus_per_job, processes_per_job, retries),
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


def plan(
    context: typer.Context,
    tier: TierName,
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder of the run.")],
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Print what `tricklift run` would do with the same arguments. Nothing is changed.

    Each job with its state (done, running, stopped, stale and why, failed, waiting), the jobs that
    it waits for, its command, and an estimate of GPU-hours and disk. Where jobs run is taken as
    `run` takes it, and changes nothing here.

    \b
    What the paper's Tables 8 and 9 take:
      tricklift plan full --out runs/full --tables 8,9
    """
    import json

    from rich.console import Console
    from rich.progress import Progress

    from tricklift.suite import preview
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


def compare(
    folder: Annotated[Path, typer.Argument(help="Folder with result.json files, at any depth.")],
    style: Annotated[str, typer.Option("--format", help="md, csv or json.")] = "md",
    by: Annotated[
        str, typer.Option(help="row; or backbone: a page that also shows each backbone's cost.")
    ] = "row",
    out: Annotated[Path | None, typer.Option(help="Write to this file instead.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the rows, into a PNG, SVG or PDF file.")
    ] = None,
) -> None:
    """Print the transfer table of the runs in a folder.

    The markdown page also has each row's gain over the row above, paired by seed, and the rank
    correlation of top-1 with the downstream metrics.

    \b
    Accuracy and cost of one backbone of each family:
      tricklift run zoo --out runs/zoo
      tricklift compare runs/zoo --by backbone
    """
    from tricklift.tables import zoo
    from tricklift.tables.compare import compare as build
    from tricklift.tables.compare import lines
    from tricklift.tables.page import render

    if by not in ("row", "backbone"):
        raise UserError(f"--by takes row or backbone, got {by!r}")
    if by == "backbone" and style != "md":
        raise UserError(f"--by backbone writes md alone, got {style!r}; leave --by out for others")
    rows, records = build(folder)
    if plot is not None:
        from tricklift.tables.plots import plot as draw

        draw(lines(record for record in records if record.done), plot)
        print(f"done: {plot}", file=sys.stderr)
    by_row = by == "row"
    page = render(rows, records, style, folder) if by_row else zoo.to_markdown(records, folder)
    emit(page, out)


def emit(text: str, out: Path | None) -> None:
    """Writes a text to a file, or to stdout without one."""
    from tricklift.records.atomic import write_text

    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)
        print(f"done: {out}", file=sys.stderr)


COMMANDS = (demo, prepare, run, plan, compare)
