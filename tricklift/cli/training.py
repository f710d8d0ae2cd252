"""`tricklift train`, `test` and `export`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from tricklift.errors import RESUMES, stoppable

CFG_OPTIONS = "--cfg-options"

Config = Annotated[str, typer.Argument(help="Path or short name, e.g. cls/mini/resnet18_d-tricks.")]
WorkDir = Annotated[
    Path | None, typer.Option(help="Output folder.  [default: work_dirs/<short name>]")
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        CFG_OPTIONS,
        metavar="KEY=VALUE ...",
        help="Override settings of the config. +KEY=VALUE adds a new key.",
    ),
]
Backbone = Annotated[str | None, typer.Option(help="Sets model.backbone.name, e.g. resnet18_d.")]


def _note_rank(rank: int | None) -> None:
    if rank is not None:
        os.environ.setdefault("LOCAL_RANK", str(rank))


# `mim` looks for both in the help before it starts several processes.
Launcher = Annotated[
    Literal["none", "pytorch", "slurm", "mpi"],
    typer.Option(help="What started the processes, e.g. pytorch under torchrun."),
]
LocalRank = Annotated[
    int | None,
    typer.Option(
        "--local_rank",
        "--local-rank",
        metavar="N",
        callback=_note_rank,
        help="Set by torch.distributed.launch.",
    ),
]


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
        if word == "--resume":
            given = left and (left[0] == "auto" or left[0].endswith((".pth", ".pt")))
            result += [] if given else ["auto"]
    return result


@stoppable(RESUMES)
def train(
    config: Config,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="For cls/own, det/own and seg/own: a folder of data of your own "
            "(`tricklift check DIR`); the config made for it is kept in WORK_DIR/own.",
        ),
    ] = None,
    backbone: Backbone = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="A file of weights (ours, or of a library's network), timm/NAME, "
            "torchvision/NAME, or none (random).",
        ),
    ] = None,
    weights_from: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Which weights of a --pretrained file that holds several, e.g. model_ema, teacher "
            "or encoder_q.",
        ),
    ] = None,
    tricks: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Tricks to add to the config, by name, or path/to/trick.py."
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Teacher of the trick `distillation`: an exported file, a .pth of the "
            "classification stage, timm/NAME or torchvision/NAME.",
        ),
    ] = None,
    work_dir: WorkDir = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Sets randomness.seed.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="[FILE]", help="Resume from FILE, or from the last checkpoint."),
    ] = None,
    keep_last: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Checkpoints to keep; a damaged one is passed over on resume for the one before.",
        ),
    ] = None,
    amp: Annotated[bool, typer.Option("--amp", help="Mixed precision; on CPUs bfloat16.")] = False,
    auto_scale_lr: Annotated[
        bool, typer.Option("--auto-scale-lr", help="Scale the learning rate to the batch size.")
    ] = False,
    log_to: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            envvar="TRICKLIFT_LOG_TO",
            help="Send metrics and config to tensorboard, wandb or mlflow as well.",
        ),
    ] = None,
    cfg_options: Options = None,
    launcher: Launcher = "none",
    local_rank: LocalRank = None,
) -> None:
    """Train a classifier, detector or segmenter. Writes result.json to the work dir."""
    from tricklift import train as training
    from tricklift.config_keys import parse_options
    from tricklift.log_to import split
    from tricklift.tricks import split_names

    if data is not None:
        from tricklift.own.written import config_for

        work_dir = work_dir or Path("work_dirs") / config
        config = str(config_for(config, data, work_dir / "own"))
    cfg = training.build_config(
        config,
        work_dir=work_dir,
        seed=seed,
        backbone=backbone,
        pretrained=pretrained,
        weights_from=weights_from,
        tricks=split_names(tricks),
        teacher=teacher,
        options=parse_options(cfg_options or []),
        amp=amp,
        auto_scale_lr=auto_scale_lr,
        resume=resume,
        keep_last=keep_last,
        launcher=launcher,
        log_to=split(log_to),
    )
    print(f"done: {training.train(cfg)}")


def test(
    config: Config,
    checkpoint: Annotated[Path, typer.Argument(help="A .pth file of a training.")],
    backbone: Backbone = None,
    work_dir: WorkDir = None,
    cfg_options: Options = None,
    launcher: Launcher = "none",
    local_rank: LocalRank = None,
) -> None:
    """Evaluate a training checkpoint on the config's test data."""
    from tricklift import train as training
    from tricklift.config_keys import parse_options

    options = parse_options(cfg_options or [])
    cfg = training.build_config(
        config, work_dir=work_dir, backbone=backbone, options=options, launcher=launcher
    )
    for key, value in training.test(cfg, checkpoint).items():
        print(f"{key}: {value}")


def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="A .pth file of a training, or an exported file.")
    ],
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    to: Annotated[
        str, typer.Option(help="Format: tricklift, torchvision, timm, mmdet or onnx.")
    ] = "tricklift",
    ema: Annotated[bool, typer.Option("--ema", help="Export the EMA weights.")] = False,
) -> None:
    """Write a trained backbone for other libraries. The written file is checked."""
    from backbones.export import export as write
    from tricklift.compat import finder
    from tricklift.compat.imports import of_run

    finder.install()  # mmdet, which checks an export to it, imports mmcv.ops
    of_run(checkpoint.parent)
    report = write(checkpoint, out, to=to, ema=ema)
    print(
        f"done: {out} ({report.architecture}); its {report.compared} differ by "
        f"{report.difference:.1e} at most\nuse: {report.usage}"
    )


COMMANDS = (train, test, export)
