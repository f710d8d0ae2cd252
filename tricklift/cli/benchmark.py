"""`tricklift demo`, `prepare`, `run` and `compare`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tricklift.errors import UserError, stoppable

Root = Annotated[
    Path,
    typer.Option(envvar="TRICKLIFT_ROOT", help="The folder that holds the data sets."),
]

#: What is said of a command that was stopped.
GOES_ON = "the same command goes on, each job from its last checkpoint"
PUTS_IN_PLACE = "the same command puts in place what is still missing"


@stoppable(GOES_ON)
def demo(
    out: Annotated[Path, typer.Option(file_okay=False, help="Where all of it goes.")] = Path(
        "demo"
    ),
    max_parallel: Annotated[
        int | None,
        typer.Option("--jobs", min=1, help="Jobs at a time.  [default: two on two cores or more]"),
    ] = None,
) -> None:
    """The main job on generated data: pretrain, export, transfer, table. Some minutes."""
    from tricklift.suite.demo import demo as show
    from tricklift.suite.run import note_command

    typed = ["demo", "--out", str(out)] + (["--jobs", str(max_parallel)] if max_parallel else [])
    note_command(out / "runs", typed)
    show(out, max_parallel)


@stoppable(PUTS_IN_PLACE)
def prepare(
    name: Annotated[str, typer.Argument(help="One of the names above.")],
    root: Root = Path("data"),
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A folder with the archives, or with an unpacked copy."),
    ] = None,
) -> None:
    """Put a data set in place, checked; one that is there already is checked alone.

    \b
    generated:            miniworld
    small, real:          cifar10, bccd, camvid; fetched by yourself: called
                          without them, this says from where and how they must
                          lie
    for `bench`:          imagenet-samples (likewise)
    downloaded:           voc (VOC 2007 and 2012, 2.9 GB), ade20k (1.0 GB),
                          places365 (256 px, 27 GB)
    fetched by yourself:  imagenet (155 GB, needs a login; called without its
                          archives, this says which to fetch from where)

    \b
    Archives are looked for in --from, TRICKLIFT_DATA and ROOT/archives; what
    can be downloaded and is not there goes to ROOT/archives. A download that
    was stopped goes on where it was; a part that was being unpacked starts
    over. Sizes and checksums of archives must be the published ones, where
    there are any; what has been unpacked is counted, and some of its pictures
    are decoded. Of bccd, camvid and cifar10 a few files are compared with
    known checksums; where nothing can be compared, the output says so.
    ROOT/.tricklift keeps checksums of some files for later calls.

    \b
    An unpacked copy is linked to, not copied:
      tricklift prepare imagenet --root data --from /datasets/imagenet
    """
    from tricklift.suite.demo import with_progress

    print(f"ready: {with_progress(name, root, source)}")


@stoppable(GOES_ON)
def run(
    tier: Annotated[str, typer.Argument(help="mini, small, smoke (a few steps each) or zoo.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Where runs, exports and logs go.")],
    root: Root = Path("data"),
    seeds: Annotated[str, typer.Option(metavar="0,1", help="Seeds of the pretrainings.")] = "0",
    downstream_seeds: Annotated[
        str | None,
        typer.Option(
            metavar="0,1,2",
            help="Seeds of detection and segmentation, from every pretraining.  "
            "[default: the pretraining's]",
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Pretraining configs of the tier, and random-init.  [default: all]",
        ),
    ] = None,
    tricks: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Tricks on top of each pretraining config's own; those of detection alone on top "
            "of the detector's.",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="For `--tricks distillation`: a file or timm/NAME, of the tier's classes.",
        ),
    ] = None,
    backbones: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Each row once with each of these in the place of its own network.",
        ),
    ] = None,
    max_parallel: Annotated[
        int, typer.Option("--jobs", min=1, help="Jobs at a time; each gets its share of the cores.")
    ] = 1,
) -> None:
    """All jobs of a tier; the same call goes on where it was stopped.

    \b
    Some rows now, then all that is still missing, two jobs at a time:
      tricklift run small --out runs/small --rows random-init,resnet18_b-standard
      tricklift run small --out runs/small --downstream-seeds 0,1,2 --jobs 2

    \b
    Any network in the place of the rows' own; zoo: one network of each family, a short run:
      tricklift run mini --out runs/mine --rows resnet18_b-baseline,random-init \\
        --backbones hardnet39ds,timm/resnet26d
    """
    from rich.console import Console

    from tricklift.suite.run import note_command
    from tricklift.suite.run import run as run_tier
    from tricklift.tables.compare import compare as build
    from tricklift.tables.page import to_markdown
    from tricklift.tricks import split_names

    typed = ["run", tier, "--out", str(out), "--root", str(root), "--seeds", seeds]
    typed += ["--downstream-seeds", downstream_seeds] if downstream_seeds else []
    typed += ["--rows", rows] if rows else []
    typed += ["--tricks", tricks] if tricks else []
    typed += ["--teacher", teacher] if teacher else []
    typed += ["--backbones", backbones] if backbones else []
    typed += ["--jobs", str(max_parallel)] if max_parallel > 1 else []
    run_tier(
        tier,
        out,
        root,
        numbers("--seeds", seeds),
        numbers("--downstream-seeds", downstream_seeds) if downstream_seeds else None,
        split_names(rows) or None,
        max_parallel,
        split_names(tricks),
        teacher,
        split_names(backbones) or None,
        on_start=lambda: note_command(out, typed),
    )
    page = to_markdown(*build(out), out)
    Console().print(page, markup=False, highlight=False, soft_wrap=True)
    print(f"Everything is in {out}; 'tricklift compare {out}' prints the table again")


def numbers(option: str, text: str) -> list[int]:
    """The whole numbers of an option such as `0,1,2`.

    Raises:
        UserError: Something else.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"{option} takes whole numbers like 0,1,2, got {text!r}") from None


def compare(
    folder: Annotated[Path, typer.Argument(help="A folder below which runs left result.json.")],
    style: Annotated[str, typer.Option("--format", help="md, csv or json.")] = "md",
    by: Annotated[
        str, typer.Option(help="row, or backbone: a page with each network's cost beside it.")
    ] = "row",
    out: Annotated[Path | None, typer.Option(help="Write to this file instead.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the rows as well: a PNG, SVG or PDF file.")
    ] = None,
) -> None:
    """Print the transfer table from the result files below a folder.

    The markdown page also gives each row's gain over the row above, paired by seed, and how far
    the order of the rows in top-1 is their order downstream.

    \b
    What networks reach beside what they cost, and what they refuse:
      tricklift run zoo --out runs/zoo
      tricklift compare runs/zoo --by backbone
    """
    from tricklift.records.atomic import write_text
    from tricklift.tables import zoo
    from tricklift.tables.compare import compare as build
    from tricklift.tables.compare import lines
    from tricklift.tables.page import render

    rows, records = build(folder)
    if plot is not None:
        from tricklift.tables.plots import plot as draw

        draw(lines(record for record in records if record.done), plot)
    if by not in ("row", "backbone"):
        raise UserError(f"--by takes row or backbone, got {by!r}")
    if by == "backbone":
        text = zoo.render(records, style, folder)
    else:
        text = render(rows, records, style, folder)
    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)
    for file in (out, plot):
        if file is not None:
            print(f"done: {file}", file=sys.stderr)


def add_to(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    for command in (demo, prepare, run, compare):
        app.command()(command)
