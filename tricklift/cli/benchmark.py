"""`tricklift demo`, `prepare` and `run`."""

from pathlib import Path
from typing import Annotated

import typer

from tricklift.errors import UserError, stoppable

Root = Annotated[
    Path,
    typer.Option(envvar="TRICKLIFT_ROOT", help="The folder that holds the data sets."),
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
    small, real:          cifar10, bccd, camvid (bring your own copy: without
                          one, this says where to get it)
    for benchmarks:       imagenet-samples (likewise)
    downloaded:           voc (VOC 2007 and 2012, 2.9 GB), ade20k (1.0 GB),
                          places365 (256 px, 27 GB)
    bring your own copy:  imagenet (155 GB, needs a login)

    \b
    Archives are looked for in --from, TRICKLIFT_DATA and ROOT/archives.
    Downloads go to ROOT/archives; a stopped one is resumed, a stopped
    unpacking starts over. Archives must have the published sizes and
    checksums. Of what was unpacked, files are counted and some images
    decoded; of bccd, camvid and cifar10, some checksums are compared.
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
    tier: Annotated[str, typer.Argument(help="mini, small, smoke (a few steps each) or zoo.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for runs, exports, logs.")],
    root: Root = Path("data"),
    seeds: Annotated[str, typer.Option(metavar="0,1", help="Seeds of the pretrainings.")] = "0",
    downstream_seeds: Annotated[
        str | None,
        typer.Option(
            metavar="0,1,2",
            help="Seeds of detection and segmentation, from each pretraining.  "
            "[default: the pretraining's]",
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Pretraining configs of the tier, or random-init.  [default: all]"
        ),
    ] = None,
    tricks: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Tricks to add to each pretraining config; tricks for detection only, to the "
            "detector's.",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="For `--tricks distillation`: a file or timm/NAME, with the tier's classes.",
        ),
    ] = None,
    backbones: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Run each row with each of these backbones instead."),
    ] = None,
    max_parallel: Annotated[
        int,
        typer.Option("--jobs", min=1, help="Jobs to run at the same time; they share the cores."),
    ] = 1,
) -> None:
    """Run all jobs of a tier. Rerun the same command to resume.

    \b
    Two rows first, then the rest of the tier, two jobs at the same time:
      tricklift run small --out runs/small --rows random-init,resnet18_b-standard
      tricklift run small --out runs/small --downstream-seeds 0,1,2 --jobs 2

    \b
    Your choice of backbones (the tier zoo has one of each family, with short runs):
      tricklift run mini --out runs/mine --rows resnet18_b-baseline,random-init \\
        --backbones hardnet39ds,timm/resnet26d
    """
    from rich.console import Console

    from tricklift.suite.run import note_command
    from tricklift.suite.run import run as run_tier
    from tricklift.tables.compare import compare as build
    from tricklift.tables.page import to_markdown
    from tricklift.tricks import split_names

    run_tier(
        tier,
        out,
        root,
        max_parallel,
        on_start=lambda: note_command(out, context.obj),
        seeds=numbers("--seeds", seeds),
        downstream_seeds=numbers("--downstream-seeds", downstream_seeds),
        rows=split_names(rows) or None,
        tricks=split_names(tricks),
        teacher=teacher,
        backbones=split_names(backbones) or None,
    )
    page = to_markdown(*build(out), out)
    Console().print(page, markup=False, highlight=False, soft_wrap=True)
    print(f"Everything is in {out}; 'tricklift compare {out}' prints the table again")


def numbers(option: str, text: str | None) -> list[int] | None:
    """The whole numbers of an option such as `0,1,2`.

    Raises:
        UserError: Something else.
    """
    try:
        return [int(part) for part in text.split(",")] if text is not None else None
    except ValueError:
        raise UserError(f"{option} takes whole numbers like 0,1,2, got {text!r}") from None


COMMANDS = (demo, prepare, run)
