"""`tricklift train`, `test` and `export`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tricklift.errors import RESUMES, stoppable

CFG_OPTIONS = "--cfg-options"
#: Options whose value may be left out, with the value that they then have.
BARE = {"--resume": "auto"}

Config = Annotated[str, typer.Argument(help="Path or short name, e.g. cls/mini/resnet18_d-tricks.")]
WorkDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the run. Default: work_dirs/<short name>."),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        CFG_OPTIONS,
        metavar="KEY=VALUE ...",
        help="Override config keys. A key must exist; +KEY=VALUE adds a new one.",
    ),
]
Backbone = Annotated[str | None, typer.Option(help="Sets model.backbone.name, e.g. resnet18_d.")]


def spread(arguments: Sequence[str]) -> list[str]:
    """OpenMMLab's habits in a form that typer takes.

    `--cfg-options a=1 b=2` becomes `--cfg-options a=1 --cfg-options b=2`; `--resume` without a
    value becomes `--resume auto`.
    """
    result: list[str] = []
    left = list(arguments)
    while left:
        word = left.pop(0)
        if word == CFG_OPTIONS:
            pairs = []
            while left and "=" in left[0] and not left[0].startswith("-"):
                pairs.append(left.pop(0))
            result += [part for pair in pairs for part in (word, pair)] or [word]
            continue
        result.append(word)
        if word in BARE and not (left and _is_value(left[0])):
            result.append(BARE[word])
    return result


def _is_value(word: str) -> bool:
    return word == "auto" or word.endswith((".pth", ".pt"))


@stoppable(RESUMES)
def train(
    config: Config,
    backbone: Backbone = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="Weights: exported file, timm/NAME, torchvision/NAME or none."
        ),
    ] = None,
    tricks: Annotated[
        str | None, typer.Option(metavar="A,B", help="Tricks on top of the config's own.")
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Teacher of the trick `distillation`: exported file, checkpoint of the "
            "classification stage (.pth), timm/NAME or torchvision/NAME.",
        ),
    ] = None,
    work_dir: WorkDir = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Sets randomness.seed.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="[FILE]", help="Resume from FILE, or from the last checkpoint."),
    ] = None,
    amp: Annotated[bool, typer.Option("--amp", help="Mixed precision; bfloat16 on CPUs.")] = False,
    auto_scale_lr: Annotated[
        bool, typer.Option("--auto-scale-lr", help="Scale the learning rate to the batch size.")
    ] = False,
    cfg_options: Options = None,
) -> None:
    """Train a classifier, a detector or a segmenter; writes result.json to the work dir."""
    from tricklift import train as training
    from tricklift.config_keys import parse_options
    from tricklift.tricks import split_names

    cfg = training.build_config(
        config,
        work_dir=work_dir,
        seed=seed,
        backbone=backbone,
        pretrained=pretrained,
        tricks=split_names(tricks),
        teacher=teacher,
        options=parse_options(cfg_options or []),
        amp=amp,
        auto_scale_lr=auto_scale_lr,
        resume=resume,
    )
    print(f"done: {training.train(cfg)}")


def test(
    config: Config,
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of a training (.pth).")],
    backbone: Backbone = None,
    work_dir: WorkDir = None,
    cfg_options: Options = None,
) -> None:
    """Evaluate a checkpoint on the config's test data."""
    from tricklift import train as training
    from tricklift.config_keys import parse_options

    cfg = training.build_config(
        config, work_dir=work_dir, backbone=backbone, options=parse_options(cfg_options or [])
    )
    for key, value in training.test(cfg, checkpoint).items():
        print(f"{key}: {value}")


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint (.pth) or exported file.")],
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    to: Annotated[
        str, typer.Option(help="Format: tricklift, torchvision, timm, mmdet or onnx.")
    ] = "tricklift",
    ema: Annotated[bool, typer.Option("--ema", help="Export the EMA weights.")] = False,
) -> None:
    """Export a trained backbone in the format of another library, and check the file."""
    from backbones.export import export as write

    report = write(checkpoint, out, to=to, ema=ema)
    print(
        f"done: {out} ({report.architecture}); its {report.compared} differ by "
        f"{report.difference:.1e} at most\nuse: {report.usage}"
    )


def add_to(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    for command in (train, test, export):
        app.command()(command)
