"""`tricklift publish`: a trained backbone for others."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tricklift.errors import UserError


def publish(
    export: Annotated[Path, typer.Argument(help="A file that `tricklift export` wrote.")],
    out: Annotated[
        Path, typer.Argument(help="The folder to write: new, or an earlier publication.")
    ],
    to: Annotated[
        tuple[str, str],
        typer.Option(
            metavar="hub USER/NAME",
            help="Also put it on the Hugging Face hub, in this repository.",
            show_default=False,
        ),
    ] = ("", ""),
    license_: Annotated[
        str,
        typer.Option(
            "--license", metavar="ID", help="License of the weights, as the hub calls it: mit, ..."
        ),
    ] = "unknown",
    run: Annotated[
        Path | None,
        typer.Option(
            help="Work dir of the training.  [default: found beside EXPORT, as `tricklift run` "
            "lays it out]"
        ),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with result.json files, of detectors and segmenters that started from "
            "EXPORT.  [default: found there, too]",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Address at which you will serve the folder, for `mim download`.  [default: the "
            "hub's with --to hub]"
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make the repository private.")
    ] = False,
) -> None:
    """Write a trained backbone with its card, config and results, for others; or to the hub.

    The folder holds model.safetensors, the resolved config without folders and loggers, the result
    files, a model card with its metrics (README.md) and an index for mim. Where timm has the
    network, the weights have timm's names, and timm loads the folder too.

    \b
    A row of `tricklift run demo --out runs`:
      tricklift publish runs/exports/resnet18_b-standard-seed0.safetensors shared/b-standard
    To the hub, and back:
      tricklift publish d.safetensors shared/d --run runs/cls --to hub me/d --license mit
      tricklift train det/mini/faster_rcnn_fpn --backbone resnet18_d --pretrained hf://me/d
    """
    from tricklift.sharing import folder, hub
    from tricklift.sharing.trained import look

    where, repository = to
    if where and where != "hub":
        raise UserError(f"--to takes hub USER/NAME, got {where!r}")
    if private and not repository:
        raise UserError("--private is for --to hub USER/NAME")
    if repository:
        hub.check(repository)
        url = url or hub.address_of(repository)
    folder.refuse_other(out)
    trained = look(export, run, results)
    done = folder.publish(trained, out, license_, repository or None, url)
    measured = f"{done.measured} results of detectors and segmenters"
    print(
        f"done: {out} ({trained.architecture}, {measured}); outputs differ by "
        f"{done.difference:.1e} at most"
    )
    if license_ == "unknown":
        print("note: no license is given; others may use it once you add one (--license ID)")
    if done.timm:
        print(f"note: not for timm: {done.timm}")
    print("use:", *filter(None, done.usage), sep="\n  ")
    print(f"for mim: pip install {shlex.quote(str(out.resolve()))}, then mim search {done.package}")
    if repository:
        print(f"done: {hub.upload(out, repository, private)}")


COMMANDS = (publish,)
