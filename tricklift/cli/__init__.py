"""The command `tricklift`. Heavy libraries are imported inside of commands, so help is quick."""

import sys
from collections.abc import Sequence
from typing import Any

import typer

from tricklift.cli import (
    benchmark,
    configs,
    data,
    doctor,
    jobs,
    listing,
    own,
    paper,
    planning,
    report,
    sharing,
    tables,
    training,
)
from tricklift.cli.groups import HELP, Commands, register
from tricklift.compat import shadow
from tricklift.errors import report_user_errors
from tricklift.records.environment import forget_empty

ABOUT = """How much of a classification trick survives transfer?

Backbones are trained with the tricks of "Bag of Tricks", exported, and plugged unchanged into
detectors (mmdet) and segmenters (mmseg); one table shows the gain of each trick.

\b
All steps on generated data, in minutes on a CPU:
  tricklift demo

\b
Step by step:
  tricklift prepare miniworld --root data
  tricklift train cls/mini/resnet18_d-tricks --out runs/cls
  tricklift export $(cat runs/cls/last_checkpoint) d.safetensors
  tricklift train det/mini/faster_rcnn_fpn --backbone resnet18_d --pretrained d.safetensors \\
    --out runs/det
  tricklift compare runs

\b
With a network or a trick of your own:
  tricklift new backbone mynet          (writes mynet.py and its test)
  tricklift check-backbone mynet --import mynet.py
  tricklift train cls/mini/resnet18_b-baseline --backbone mynet --import mynet.py

Environment: TRICKLIFT_ROOT is the folder of the data sets (default: data), TRICKLIFT_EXPORTS that
of exported weights which other configs start from (default: exports). `prepare` also looks for
archives in TRICKLIFT_DATA, if set. A folder that is set to nothing counts as not set.
TRICKLIFT_LOG_TO is the `--log-to` of trainings. TRICKLIFT_DEBUG=1 prints tracebacks.
"""


#: What stands under which title of the help, in this order: functions, and groups of them.
GROUPS: dict[str, tuple[Any, ...]] = {
    "Benchmark": (
        benchmark.demo,
        benchmark.run,
        planning.plan,
        jobs.status,
        jobs.clean,
        tables.compare,
        report.report,
    ),
    "Data": (data.prepare, data.check),
    "One model": (training.train, training.test, training.export, sharing.publish),
    "What there is": (listing.LIST, configs.CONFIG, paper.PAPER),
    "Your own": (own.NEW, own.check_backbone),
    "This machine": (doctor.doctor,),
}

#: What reads networks, configs or runs, and so may need code of one's own: `--import`.
READ_CODE = (
    benchmark.run,
    planning.plan,
    tables.compare,
    report.report,
    training.train,
    training.test,
    training.export,
    sharing.publish,
    listing.backbones,
    configs.show,
    configs.path,
    own.check_backbone,
)


def _wrapped(command: Any) -> Any:
    return own.importing(command) if command in READ_CODE else command


app = typer.Typer(
    name="tricklift",
    cls=Commands,
    help=ABOUT,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
    context_settings=HELP,
)
for title, commands in GROUPS.items():
    for command in commands:
        register(app, title, command, _wrapped)
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
    forget_empty()
    with report_user_errors():
        if arguments[:1] != ["doctor"]:  # which says so beside the rest
            shadow.refuse()
        app(training.spread(arguments), prog_name="tricklift", obj=arguments)
