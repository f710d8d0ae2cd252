"""Options that several commands share: one name, one type and one meaning everywhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tricklift.cli import completion
from tricklift.errors import UserError
from tricklift.records.environment import environment

#: The variable that says `--root` where it is not given; configs read it.
ROOT = "TRICKLIFT_ROOT"
#: Titles in the help of `run` and `plan`.
WHICH, OWN, WHERE_JOBS, CLUSTER = (
    "Which jobs of the tier",
    "Data of your own (run own)",
    "How jobs run",
    "On a cluster (--engine slurm)",
)
#: Begins the help of every `--out`.
WHERE = "Where output goes"
#: Begins the help of every `--format`.
FORM = "Form of the output"

Root = Annotated[
    Path,
    typer.Option(envvar=ROOT, help="The folder that holds the data sets."),
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
        "for, else 1]",
        rich_help_panel=WHERE_JOBS,
    ),
]
Tables = Annotated[
    str | None,
    typer.Option(
        metavar="8,9",
        autocompletion=completion.tables,
        rich_help_panel=WHICH,
        help="Only these tables of the paper, 2 to 9.  [default: all]",
    ),
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
        help="Tricks to add, by name (see `list tricks`), or path/to/trick.py.",
    ),
]
Teacher = Annotated[
    str | None,
    typer.Option(
        metavar="REF",
        rich_help_panel=WHICH,
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
Pretrained = Annotated[
    str | None,
    typer.Option(
        metavar="REF",
        help="A file of weights (ours, or of a library's network), timm/NAME, torchvision/NAME, or "
        "none (random).",
    ),
]
WeightsFrom = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Which weights of a --pretrained file that holds several, e.g. model_ema, teacher or "
        "encoder_q.",
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Sets randomness.seed.")]
KeepLast = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Checkpoints to keep; a damaged one is passed over on resume for the one before.",
    ),
]
Amp = Annotated[bool, typer.Option("--amp", help="Mixed precision; on CPUs bfloat16.")]
AutoScaleLr = Annotated[
    bool, typer.Option("--auto-scale-lr", help="Scale the learning rate to the batch size.")
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
    Literal["pooled", "own"],
    typer.Option(
        help="pooled: one standard deviation for all rows; or own: one for each (needs more "
        "pretrainings)."
    ),
]


def set_root(context: typer.Context, root: Path) -> None:
    """Lets configs look for data sets in the folder of `--root`, until the command has ended."""
    context.with_resource(environment(**{ROOT: str(root)}))


def one_form(form: str | None, as_json: bool, default: str = "md") -> str:
    """The form of the output, of `--format` and `--json`.

    Raises:
        UserError: They ask for two.
    """
    if as_json and form not in (None, "json"):
        raise UserError(f"--json and --format {form} ask for two forms; leave one of them out")
    return "json" if as_json else form or default


def names_in(option: str, text: str | None) -> list[str]:
    """The names of an option such as `--rows a,b`; none where it was not given.

    Raises:
        UserError: An empty name, or one that is there twice.
    """
    if text is None:
        return []
    names = [part.strip() for part in text.split(",")]
    if not all(names):
        raise UserError(f"{option} takes names like a,b, got {text!r}; name some, or leave it out")
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{option} names {name!r} {names.count(name)} times; name it once")
    return names


def numbers_in(option: str, text: str | None) -> list[int] | None:
    """The whole numbers of an option such as `--seeds 0,1,2`; None where it was not given.

    Raises:
        UserError: Something else, one below 0, or one that is there twice.
    """
    if text is None:
        return None
    takes = f"{option} takes different whole numbers from 0, like 0,1,2"
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"{takes}, got {text!r}") from None
    for number in numbers:
        if number < 0 or numbers.count(number) > 1:
            fault = "is below 0" if number < 0 else "is there twice"
            raise UserError(f"{takes}, got {text!r}: {number} {fault}")
    return numbers
