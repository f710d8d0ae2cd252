"""`tricklift demo`, `run` and `compare`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tricklift.cli.data import RESUMES, Root
from tricklift.errors import UserError, stoppable


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


COMMANDS = (demo, run, compare)
