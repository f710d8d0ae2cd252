"""`tricklift compare`: tables and pages from result files."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tricklift.cli import completion
from tricklift.cli.options import (
    FORM,
    AsJson,
    Baseline,
    Finished,
    Paired,
    TextFile,
    Variance,
    one_form,
)
from tricklift.errors import UserError

#: What `--plot` writes, by the ending of its file.
PICTURES = (".png", ".svg", ".pdf")


def compare(
    folder: Finished,
    baseline: Baseline = None,
    pairs: Annotated[
        Literal["ladder", "all", "baseline"] | None,
        typer.Option(
            help="ladder (each row over the one below), all, or baseline.  [default: baseline, and "
            "ladder where there is one]"
        ),
    ] = None,
    paired: Paired = None,
    variance: Variance = "pooled",
    claims: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Say of each claim in a YAML file (or tier) whether the runs support it.  "
            "[default: the claims of the runs' tier, if it has any]",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="TIER",
            autocompletion=completion.reference,
            help="Put the results of a tier that tricklift ships (demo, small) beside yours; "
            "refused where data, protocol or downstream recipe differ.",
        ),
    ] = None,
    style: Annotated[
        Literal["md", "csv", "differences-csv", "json"] | None,
        typer.Option(
            "--format",
            help=f"{FORM}: md, csv (the table), differences-csv, or json (all; also --json).  "
            "[default: md]",
        ),
    ] = None,
    as_json: AsJson = False,
    by: Annotated[
        Literal["row", "backbone"],
        typer.Option(help="row; or backbone: a page that also shows each backbone's cost."),
    ] = "row",
    out: TextFile = None,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the rows, into a PNG, SVG or PDF file.")
    ] = None,
) -> None:
    """Print the transfer table of the runs in a folder, and how its rows differ.

    An observation is one pretraining. With several a row, differences have intervals and p that
    hold for all rows together; with one, the page speaks of these checkpoints alone. Rows may
    differ in anything: a trick, a backbone, a data set, a head, a name of your own.

    \b
    Your own rows against one of them; all pairs; a detector's trick on the same weights:
      tricklift compare runs --baseline "my baseline"
      tricklift compare runs --pairs all
      tricklift compare runs --baseline "B-baseline (faster_rcnn_fpn)"

    \b
    Your rows beside those of a tier that tricklift ships:
      tricklift compare runs --reference demo

    \b
    Claims, a YAML file:
      claims:
        - {row: + cosine, against: D-efficient, metric: top1, sign: "+"}

    \b
    Accuracy and cost of one backbone of each family:
      tricklift run zoo --out runs/zoo
      tricklift compare runs/zoo --by backbone
    """
    from tricklift.tables.analysis import Question
    from tricklift.tables.claims import read_claims, tier_file
    from tricklift.tables.compare import compare as build
    from tricklift.tables.compare import lines
    from tricklift.tables.page import render

    form = one_form(style, as_json)
    if by == "backbone" and form != "md":
        raise UserError(f"--by backbone writes md alone, got {form!r}; leave --by out for others")
    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise UserError(
            f"--plot takes a file that ends in {', '.join(PICTURES)}, got {str(plot)!r}; rename it"
        )
    told = read_claims(tier_file(claims) or claims) if claims else None
    question = Question(baseline, pairs, paired, variance, told)
    if by == "backbone" and question != Question():
        raise UserError(
            "--by backbone ranks all networks and takes no --baseline, --pairs, --paired, "
            "--variance or --claims; leave them or --by out"
        )
    if by == "backbone" and reference is not None:
        raise UserError("--by backbone takes no --reference; leave --by or --reference out")
    rows, records = build(folder, reference)
    if plot is not None:
        from tricklift.tables.plots import plot as draw

        draw(lines(record for record in records if record.done), plot)
        print(f"done: {plot}", file=sys.stderr)
    if by == "row":
        page = render(rows, records, form, folder, question)
    else:
        from tricklift.tables.zoo import to_markdown  # imports torch

        page = to_markdown(records, folder)
    emit(page, out)


def emit(text: str, out: Path | None) -> None:
    """Writes a text to a file, or to stdout without one."""
    from tricklift.records.atomic import write_text

    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)
        print(f"done: {out}", file=sys.stderr)
