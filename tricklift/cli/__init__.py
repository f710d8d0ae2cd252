"""The command `tricklift`. Heavy libraries are imported inside of commands, so help is quick."""

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from tricklift.cli import benchmark, data, jobs, listing, own, report, tables, training
from tricklift.compat import shadow
from tricklift.errors import report_user_errors, stoppable

ABOUT = """How much of a classification trick survives transfer?

Backbones are trained with the tricks of "Bag of Tricks", exported, and plugged unchanged into
detectors (mmdet) and segmenters (mmseg); one table shows the gain of each trick.

\b
All steps on generated data, in minutes on a CPU:
  tricklift demo

\b
Step by step:
  tricklift prepare miniworld --root data
  tricklift train cls/mini/resnet18_d-tricks --work-dir runs/cls
  tricklift export $(cat runs/cls/last_checkpoint) d.safetensors
  tricklift train det/mini/faster_rcnn_fpn --backbone resnet18_d --pretrained d.safetensors \\
    --work-dir runs/det
  tricklift compare runs

\b
With a network or a trick of your own:
  tricklift new backbone mynet          (writes mynet.py and its test)
  tricklift check-backbone mynet --import mynet.py
  tricklift train cls/mini/resnet18_b-baseline --backbone mynet --import mynet.py

Environment: TRICKLIFT_ROOT is the folder of the data sets (default: data), TRICKLIFT_EXPORTS that
of exported weights which other configs start from (default: exports). `prepare` also looks for
archives in TRICKLIFT_DATA, if set. TRICKLIFT_DEBUG=1 prints tracebacks.
"""


class Commands(TyperGroup):
    """The commands; typer itself would end a stopped one without a word."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the one that was called."""
        with stoppable():
            return super().invoke(ctx)


app = typer.Typer(
    name="tricklift",
    cls=Commands,
    help=ABOUT,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
GROUPS = (benchmark, jobs, tables, report, data, training, own, listing)
for command in (command for group in GROUPS for command in group.COMMANDS):
    app.command()(own.importing(command))
app.add_typer(own.NEW)
app.command(hidden=True)(jobs.work)


def _version(wanted: bool) -> None:
    if wanted:
        from tricklift import __version__

        print(f"tricklift {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_version, is_eager=True
    ),
) -> None:
    pass


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; errors of the user end with one line and exit code 2."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with report_user_errors():
        shadow.refuse()
        app(training.spread(arguments), prog_name="tricklift", obj=arguments)
