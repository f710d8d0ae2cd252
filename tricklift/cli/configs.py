"""`tricklift config`: one config, resolved or as a file."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import typer

from tricklift.cli.groups import Group
from tricklift.cli.options import (
    FORM,
    WHERE,
    Amp,
    AsJson,
    AutoScaleLr,
    Backbone,
    Config,
    KeepLast,
    Options,
    OwnData,
    Pretrained,
    Root,
    Seed,
    Teacher,
    Tricks,
    WeightsFrom,
    names_in,
    one_form,
    set_root,
)

#: Where `--data` puts what it writes.
Place = Annotated[
    Path,
    typer.Option(
        "--out", file_okay=False, help=f"{WHERE}: with --data, the folder for the config made."
    ),
]


def show(
    context: typer.Context,
    config: Config,
    data: OwnData = None,
    backbone: Backbone = None,
    pretrained: Pretrained = None,
    weights_from: WeightsFrom = None,
    tricks: Tricks = None,
    teacher: Teacher = None,
    root: Root = Path("data"),
    seed: Seed = None,
    keep_last: KeepLast = None,
    amp: Amp = False,
    auto_scale_lr: AutoScaleLr = False,
    cfg_options: Options = None,
    form: Annotated[
        Literal["py", "json", "yaml"] | None,
        typer.Option("--format", help=f"{FORM}: py, json or yaml.  [default: py]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a config resolved: its bases merged, its tricks laid over it, every value in place.

    It is what `tricklift train` would run with the same options (of data of your own, its config is
    made in a temporary folder). What it prints reads back: as a config of your own (py), and by
    other programs (json, yaml).

    \b
    What a row does, the difference between two of them, and one setting of it:
      tricklift config show cls/mini/resnet18_d-tricks
      diff <(tricklift config show cls/mini/resnet18_b-baseline) \\
        <(tricklift config show cls/mini/resnet18_d-tricks)
      tricklift config show det/mini/faster_rcnn_fpn --json | jq .optim_wrapper
    """
    style = one_form(form, as_json, "py")
    set_root(context, root)
    from tricklift.config_keys import parse_options
    from tricklift.configs import silently
    from tricklift.train import build_config

    with (
        redirect_stdout(sys.stderr),
        silently(),
        TemporaryDirectory(prefix="tricklift-show-") as scratch,
    ):
        if data is not None:
            from tricklift.own.written import config_for

            config = str(config_for(config, data, Path(scratch)))
        cfg = build_config(
            config,
            backbone=backbone,
            pretrained=pretrained,
            weights_from=weights_from,
            tricks=names_in("--tricks", tricks),
            teacher=teacher,
            seed=seed,
            keep_last=keep_last,
            amp=amp,
            auto_scale_lr=auto_scale_lr,
            options=parse_options(cfg_options or []),
        )
        text = cfg.pretty_text if style == "py" else ""
    if style == "py":
        print(text, end="")
    elif style == "yaml":
        import yaml

        print(yaml.safe_dump(json.loads(json.dumps(cfg.to_dict())), sort_keys=False), end="")
    else:
        print(json.dumps(cfg.to_dict(), indent=2))


def path(config: Config, data: OwnData = None, out: Place = Path("own")) -> None:
    """Print the path of a config, for OpenMMLab's own commands.

    \b
    One of ours, and one that is made for data of your own:
      mim train mmdet $(tricklift config path det/mini/faster_rcnn_fpn)
      mim train mmdet $(tricklift config path det/own --data DIR) --work-dir runs/det
    """
    from tricklift.configs import find_config

    if data is None:
        print(find_config(config).resolve())
        return
    from tricklift.own.written import config_for

    with redirect_stdout(sys.stderr):
        file = config_for(config, data, out)
    print(file.resolve())


CONFIG = Group(
    "config", "One config: resolved, or where its file is.", {"show": show, "path": path}
)
