"""`tricklift demo`, `prepare`, `run` and `compare`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[
    Path,
    typer.Option(envvar="TRICKLIFT_ROOT", help="The folder that holds the data sets."),
]


def demo(
    out: Annotated[Path, typer.Option(help="Where all of it goes.")] = Path("demo"),
) -> None:
    """The main job on generated data: pretrain, export, transfer, table. About ten minutes."""
    from tricklift.demo import demo as show
    from tricklift.run import note_command

    note_command(out / "runs", ["demo", "--out", str(out)])
    show(out)


def prepare(
    name: Annotated[str, typer.Argument(help="miniworld, cifar10, bccd or camvid.")],
    root: Root = Path("data"),
) -> None:
    """Put a data set in place: generate MiniWorld, or unpack an archive of TRICKLIFT_DATA."""
    from tricklift.demo import with_progress

    print(f"ready: {with_progress(name, root)}")


def run(
    tier: Annotated[str, typer.Argument(help="mini, small, or smoke (a few steps each).")],
    out: Annotated[Path, typer.Option(help="Where runs, exports and logs go.")],
    root: Root = Path("data"),
    seeds: Annotated[str, typer.Option(metavar="0,1,2", help="Seeds, each a full set.")] = "0",
) -> None:
    """All jobs of a tier, one after another; the same call goes on where it was stopped."""
    from rich.console import Console

    from tricklift.compare import compare as build
    from tricklift.run import note_command
    from tricklift.run import run as run_tier
    from tricklift.tables import to_markdown

    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise ValueError(f"--seeds takes whole numbers like 0,1,2, got {seeds!r}") from None
    typed = ["run", tier, "--out", str(out), "--root", str(root)]
    run_tier(
        tier,
        out,
        root,
        numbers,
        on_start=lambda: note_command(out, [*typed, "--seeds", seeds]),
    )
    page = to_markdown(*build(out), out)
    Console().print(page, markup=False, highlight=False, soft_wrap=True)
    print(f"Everything is in {out}; 'tricklift compare {out}' prints the table again")


def compare(
    folder: Annotated[Path, typer.Argument(help="A folder below which runs left result.json.")],
    style: Annotated[str, typer.Option("--format", help="md, csv or json.")] = "md",
    out: Annotated[Path | None, typer.Option(help="Write to this file instead.")] = None,
) -> None:
    """Print the transfer table from the result files below a folder."""
    from tricklift.compare import compare as build
    from tricklift.ground.atomic import write_text
    from tricklift.tables import render

    rows, records = build(folder)
    text = render(rows, records, style, folder)
    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)
        print(f"done: {out}")


def add_to(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    for command in (demo, prepare, run, compare):
        app.command()(command)
