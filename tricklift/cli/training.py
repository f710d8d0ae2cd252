"""`tricklift train`, `test` and `export`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from tricklift.cli.launching import Launcher, LocalRank, Processes, join
from tricklift.cli.options import (
    CFG_OPTIONS,
    FORM,
    WHERE,
    Amp,
    AutoScaleLr,
    Backbone,
    Config,
    KeepLast,
    LogTo,
    Options,
    OwnData,
    Pretrained,
    Root,
    Seed,
    Teacher,
    Tricks,
    WeightsFrom,
    names_in,
    set_root,
)
from tricklift.errors import RESUMES, MissingFileError, stoppable

WorkDir = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "--work-dir",
        file_okay=False,
        help=f"{WHERE}: the folder of the run (OpenMMLab's word for it is --work-dir).  "
        "[default: work_dirs/<short name>]",
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


def train(
    context: typer.Context,
    config: Config,
    data: OwnData = None,
    backbone: Backbone = None,
    pretrained: Pretrained = None,
    weights_from: WeightsFrom = None,
    tricks: Tricks = None,
    teacher: Teacher = None,
    out: WorkDir = None,
    root: Root = Path("data"),
    seed: Seed = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="[FILE]", help="Resume from FILE, or from the last checkpoint."),
    ] = None,
    keep_last: KeepLast = None,
    amp: Amp = False,
    auto_scale_lr: AutoScaleLr = False,
    log_to: LogTo = None,
    cfg_options: Options = None,
    launcher: Launcher = "none",
    processes: Processes = None,
    local_rank: LocalRank = None,
) -> None:
    """Train a classifier, detector or segmenter. Writes result.json to its folder.

    `mim train tricklift CONFIG` takes the same options, `mim test tricklift` those of `test`. There
    CONFIG is a file, `$(tricklift config path NAME)`, and mim knows no `--launcher mpi`.

    \b
    One of our configs, with other tricks; a detector on its export; data of your own:
      tricklift train cls/mini/resnet18_b-baseline --tricks efficient,cosine --out runs/cls
      tricklift train det/mini/faster_rcnn_fpn --backbone resnet18_b \\
        --pretrained my.safetensors --out runs/det
      tricklift train det/own --data DIR --out runs/pets

    \b
    Stopped by a signal; other settings; two processes on a CPU, or one on each GPU:
      tricklift train cls/mini/resnet18_b-baseline --out runs/cls --resume
      tricklift train cls/mini/resnet18_b-baseline --cfg-options train_cfg.max_epochs=2
      tricklift train cls/mini/resnet18_b-baseline --launcher pytorch --processes 2
    """
    join(launcher, processes, context.obj)
    set_root(context, root)
    from tricklift import train as training
    from tricklift.config_keys import parse_options

    if data is not None:
        from tricklift.configs import short_name
        from tricklift.own.written import config_for
        from tricklift.records.finished import refuse_to_replace

        named = short_name(config) if Path(config).is_file() else config  # `mim` gives the file
        out = out or Path("work_dirs") / (named or Path(config).stem)
        if resume is None:
            refuse_to_replace(out)
        config = str(config_for(config, data, out / "own"))
    cfg = training.build_config(
        config,
        work_dir=out,
        seed=seed,
        backbone=backbone,
        pretrained=pretrained,
        weights_from=weights_from,
        tricks=names_in("--tricks", tricks),
        teacher=teacher,
        options=parse_options(cfg_options or []),
        amp=amp,
        auto_scale_lr=auto_scale_lr,
        resume=resume,
        keep_last=keep_last,
        launcher=launcher,
        log_to=names_in("--log-to", log_to),
    )
    with stoppable(lambda: resumes(Path(cfg.work_dir))), own_data_named(config, data):
        print(f"done: {training.train(cfg)}")


def resumes(work_dir: Path) -> str:
    """How a training that was stopped goes on."""
    if any(work_dir.glob("*.pth")):
        return RESUMES
    return "no checkpoint was saved yet, so the same command begins anew"


@contextmanager
def own_data_named(config: str, data: Path | None) -> Iterator[None]:
    """Names `--data`, where a config for data of one's own was given none and finds none.

    Raises:
        MissingFileError: In the place of the one that tells of the folder alone.
    """
    from tricklift.configs import find_config, short_name

    try:
        yield
    except MissingFileError as error:
        name = short_name(find_config(config)) or ""
        if data is not None or "/own/" not in name:
            raise
        task = name.partition("/")[0]
        raise MissingFileError(
            f"{config} is for data of your own; give them: --data DIR (`tricklift check DIR --task "
            f"{task}` looks at them). Without it, {error}"
        ) from error


def test(
    context: typer.Context,
    config: Config,
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="A .pth file of a training.")
    ],
    backbone: Backbone = None,
    out: WorkDir = None,
    root: Root = Path("data"),
    cfg_options: Options = None,
    launcher: Launcher = "none",
    processes: Processes = None,
    local_rank: LocalRank = None,
) -> None:
    """Evaluate a training checkpoint on the config's test data.

    \b
    What a training has left:
      tricklift test cls/mini/resnet18_b-baseline $(cat runs/cls/last_checkpoint)
    """
    join(launcher, processes, context.obj)
    set_root(context, root)
    from tricklift import train as training
    from tricklift.config_keys import parse_options

    options = parse_options(cfg_options or [])
    cfg = training.build_config(
        config, work_dir=out, backbone=backbone, options=options, launcher=launcher
    )
    for key, value in training.test(cfg, checkpoint).items():
        print(f"{key}: {value}")


def export(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT", help="A .pth file of a training, or an exported file."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.")],
    form: Annotated[
        Literal["tricklift", "torchvision", "timm", "mmdet", "onnx"],
        typer.Option("--format", help=f"{FORM}: tricklift, torchvision, timm, mmdet or onnx."),
    ] = "tricklift",
    ema: Annotated[bool, typer.Option("--ema", help="Export the EMA weights.")] = False,
) -> None:
    """Write a trained backbone for other libraries. The written file is checked.

    \b
    Our exchange file, which detectors and segmenters start from; for timm; as ONNX:
      tricklift export $(cat runs/cls/last_checkpoint) my.safetensors
      tricklift export my.safetensors timm.safetensors --format timm
      tricklift export my.safetensors my.onnx --format onnx
    """
    from backbones.export import export as write
    from tricklift.compat import finder
    from tricklift.compat.imports import of_run

    finder.install()  # mmdet, which checks an export to it, imports mmcv.ops
    of_run(checkpoint.parent)
    report = write(checkpoint, out, to=form, ema=ema)
    print(
        f"done: {out} ({report.architecture}); its {report.compared} differ by "
        f"{report.difference:.1e} at most\nuse: {report.usage}"
    )
