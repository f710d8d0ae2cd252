"""`python -m benchmarks speed`: measuring, keeping and printing."""

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
  growth cost against workers, batch, image size and boxes
  all    each of them, in about 20 minutes on two cores

Nothing else should run on the machine meanwhile. Each bench is kept when it is through: what broke
off goes on with --missing.
"""


def speed(
    name: Annotated[str, typer.Argument(help="input, step, det, seg, index, growth or all.")],
    root: Annotated[
        Path, typer.Option(envvar="TRICKLIFT_ROOT", help="Data root, with imagenet-samples.")
    ] = Path("data"),
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder that keeps the findings.")
    ] = Path("bench"),
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON list instead of a table.")
    ] = False,
    page: Annotated[
        Path | None,
        typer.Option(help="Write all that is kept, with pictures, to this markdown page."),
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Measure only what --out lacks of this machine.")
    ] = False,
) -> None:
    from rich.console import Console

    from benchmarks import growth, report, suite
    from tricklift.records.atomic import write_text

    terminal = Console(stderr=True)
    with terminal.status("starting") as status:

        def say(text: str) -> None:
            if terminal.is_terminal:
                status.update(text)
            else:
                print(text, file=sys.stderr, flush=True)

        findings = suite.run(name, root, out, say, missing)
    if page is not None:
        kept = suite.stored(out)
        curves = kept.get(report.CURVES, {"findings": []})["findings"]
        pictures = growth.plot(curves, page.parent / "images")
        names = [file.name for file in pictures]
        write_text(page, report.page(kept, names))
    if as_json:
        print(json.dumps(findings, indent=2))
    else:
        sys.stdout.write(report.table(findings) + "\n")
    print(f"kept in {out}", file=sys.stderr)
