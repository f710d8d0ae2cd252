"""Options that several commands share: one name, one type and one meaning everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from tricklift.cli import completion

#: Begins the help of every `--out`.
WHERE = "Where output goes"
#: Begins the help of every `--format`.
FORM = "Form of the output"

Root = Annotated[
    Path,
    typer.Option(envvar="TRICKLIFT_ROOT", help="The folder that holds the data sets."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RunFolder = Annotated[
    Path,
    typer.Option("--out", file_okay=False, help=f"{WHERE}: the folder of the run."),
]
TextFile = Annotated[
    Path | None,
    typer.Option("--out", dir_okay=False, help=f"{WHERE}: a file.  [default: the terminal]"),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        help="Jobs at the same time; they share the cores.  [default: as many as there are GPUs "
        "for, else 1; the demo 2 where there are two cores]",
    ),
]
Tables = Annotated[
    str | None,
    typer.Option(metavar="8,9", help="Only these tables of the paper, 2 to 9.  [default: all]"),
]
Results = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder with result.json files, at any depth.")
]
OwnData = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="For cls/own, det/own and seg/own: a folder of data of your own (`tricklift check "
        "DIR`); the config made for it is kept, and yours to change.",
    ),
]
Config = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG",
        autocompletion=completion.config,
        help="Path or short name, e.g. cls/mini/resnet18_d-tricks; see `list configs`.",
    ),
]
#: mmengine's name, as all of OpenMMLab's commands have it.
CFG_OPTIONS = "--cfg-options"
Options = Annotated[
    list[str] | None,
    typer.Option(
        CFG_OPTIONS,
        metavar="KEY=VALUE ...",
        help="Override settings of the config. +KEY=VALUE adds a new key.",
    ),
]
Backbone = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        autocompletion=completion.backbone,
        help="Sets model.backbone.name, e.g. resnet18_d; see `list backbones`.",
    ),
]
Tricks = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        autocompletion=completion.tricks,
        help="Tricks to add, by name (see `list tricks`), or path/to/trick.py. `run` adds them to "
        "each pretraining, and those of detection alone to the detectors.",
    ),
]
Teacher = Annotated[
    str | None,
    typer.Option(
        metavar="REF",
        help="Teacher of the trick `distillation`: an exported file, a .pth of the classification "
        "stage, timm/NAME or torchvision/NAME.",
    ),
]
LogTo = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        envvar="TRICKLIFT_LOG_TO",
        autocompletion=completion.trackers,
        help="Send metrics and config to tensorboard, wandb or mlflow as well.",
    ),
]
Finished = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Folder with result.json files, at any depth.")
]
Baseline = Annotated[
    str | None,
    typer.Option(
        metavar="ROW",
        help="Compare each row with this one.  [default: the lowest row of the paper's ladder, "
        "else the first]",
    ),
]
Paired = Annotated[
    bool | None,
    typer.Option(
        "--paired/--unpaired",
        help="Take differences within equal seeds of the pretraining.  [default: as the runs' tier "
        "says]",
        show_default=False,
    ),
]
Variance = Annotated[
    str,
    typer.Option(
        help="pooled: one standard deviation for all rows; or own: one for each (needs more "
        "pretrainings)."
    ),
]


def names_in(text: str | None) -> list[str]:
    """The names of an option such as `a,b`."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]
