"""`tricklift bench`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

ABOUT = """Measure our speed against what people use today.

Each figure is a ratio of two things that took turns.

\b
  input  JPEG to batch, per core: torchvision (PIL, v2) and timm
  step   a training step and the Runner's overhead: plain loops
  det    a detector's training step: mmdet's stock config
  seg    a segmenter's training step: mmseg's stock config
  index  opening ImageNet's list of images: torchvision's ImageFolder
  all    each of them, in about 25 minutes on two cores

Nothing else should run on the machine meanwhile.
"""


def bench(
    name: Annotated[str, typer.Argument(help="input, step, det, seg, index or all.")],
    root: Annotated[
        Path, typer.Option(envvar="TRICKLIFT_ROOT", help="Data root, with imagenet-samples.")
    ] = Path("data"),
    out: Annotated[Path, typer.Option(help="Folder that keeps the findings.")] = Path("bench"),
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON list instead of a table.")
    ] = False,
    page: Annotated[
        Path | None,
        typer.Option(help="Write all that is kept, and how cost grows, to this markdown page."),
    ] = None,
) -> None:
    from rich.console import Console

    from tricklift.bench import report, suite
    from tricklift.ground.atomic import write_text

    terminal = Console(stderr=True)
    with terminal.status("starting") as status:
        findings = suite.run(name, root, out, lambda text: status.update(text))
        if page is not None:
            from tricklift.bench import growth

            curves = growth.curves(root, lambda text: status.update(text))
            pictures = growth.plot(curves, page.parent / "images")
            text = report.page(suite.stored(out), [file.name for file in pictures])
            write_text(page, text)
    if as_json:
        print(json.dumps(findings, indent=2))
    else:
        sys.stdout.write(report.table(findings) + "\n")
    print(f"kept in {out}", file=sys.stderr)


def add_to(app: typer.Typer) -> None:
    """Adds this command to the command line."""
    app.command(help=ABOUT)(bench)
