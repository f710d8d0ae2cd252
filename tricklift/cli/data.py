"""`tricklift prepare` and `check`: data put in place, and looked at."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tricklift.cli import completion
from tricklift.cli.options import OWN, AsJson, Root, names_in
from tricklift.errors import MissingFileError, UserError, stoppable

Classes = Annotated[
    str | None,
    typer.Option(
        metavar="A,B", help="Take these classes alone; what is left out is counted.  [default: all]"
    ),
]


def _own(what: str) -> Any:
    """The option of a folder of one's own."""
    return typer.Option(metavar="DIR", rich_help_panel=OWN, help=f"For `own`: a folder of {what}.")


OwnCls = Annotated[
    Path | None, _own("pictures by class, to pretrain on (`tricklift check DIR` looks at it)")
]
OwnDet = Annotated[Path | None, _own("pictures with boxes, for detectors")]
OwnSeg = Annotated[Path | None, _own("pictures with masks, for segmenters")]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        rich_help_panel=OWN,
        help="For `own`: rows that start from given weights, exported files or names such as "
        "timm/resnet18.  [default: none; without --cls timm/resnet18.tv_in1k]",
    ),
]
#: Said of a command that was stopped.
RESUMES = "rerun the same command to resume"


@stoppable(RESUMES)
def prepare(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", autocompletion=completion.dataset, help="One of the names above."
        ),
    ],
    root: Root = Path("data"),
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A folder with the archives, or with an unpacked copy."),
    ] = None,
) -> None:
    """Put a data set in place and check it. One that is in place is only checked.

    \b
    generated:            miniworld
    small, real:          tiny-imagenet (downloaded, 248 MB), groceries, camvid,
                          cifar10, bccd (bring your own copy: without one, this
                          says where to get it)
    for benchmarks:       imagenet-samples (likewise)
    downloaded:           voc (VOC 2007 and 2012, 2.9 GB), ade20k (1.0 GB),
                          places365 (256 px, 27 GB)
    bring your own copy:  imagenet (155 GB, needs a login)

    Archives are looked for in --from, TRICKLIFT_DATA and ROOT/archives. Downloads go to
    ROOT/archives; a stopped one is resumed, a stopped unpacking starts over. Archives must have the
    published sizes and checksums. Of what was unpacked, files are counted and some images decoded;
    of bccd, camvid and cifar10, some checksums are compared. Where nothing can be compared, the
    output says so. ROOT/.tricklift keeps checksums for later calls.

    \b
    An unpacked copy is linked, not copied:
      tricklift prepare imagenet --root data --from /datasets/imagenet
    """
    from tricklift.suite.demo import with_progress

    print(f"ready: {with_progress(name, root, source)}")


def check(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder of data, or a COCO file.")],
    task: Annotated[
        Literal["cls", "det", "seg"] | None,
        typer.Option(help="What the data are for.  [default: what they look like]"),
    ] = None,
    classes: Classes = None,
    as_json: AsJson = False,
) -> None:
    """Look at data of your own: what they are, and what a training would refuse.

    Says the layout, the classes with their counts, sizes, splits, what is mended or left out, and
    every fault with its path and what to do; and which images of validation are in the training
    set too. The readers are those of a training. Exit code 1 where they refuse. Nothing is written.

    \b
    cls:  <class>/*.jpg, or train/<class>/... and val/<class>/...
    det:  VOC (Annotations, JPEGImages, ImageSets/Main), or XMLs beside their
          pictures, or COCO (a JSON and its images)
    seg:  images and masks of the same names, also with endings of their own
          (leftImg8bit/..._leftImg8bit.png, gtFine/..._labelIds.png)

    \b
    A look, and then:
      tricklift check /data/pets --task det
      tricklift train det/own --data PATH
      tricklift run own --det PATH --out runs/mine
    """
    import json
    import sys
    import tempfile
    from contextlib import redirect_stdout

    with redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as place:  # progress goes there
        from tricklift.own.layouts import find
        from tricklift.own.report import report, to_text

        found = report(find(path, task, classes=tuple(names_in("--classes", classes))), Path(place))
    print(json.dumps(found.to_json(), indent=2) if as_json else to_text(found))
    if found.wrong:
        raise typer.Exit(1)


def own_tier(context: typer.Context, tier: str, out: Path, say: Any = print) -> str:
    """The tier to run: for data of one's own, a file that is written to `out`; else the one given.

    Such are the tier `own`, and a tier file with the key `own`. `say` gets what was found.

    Raises:
        UserError: Folders for another tier, no folder, or what `tricklift.own.written` refuses.
    """
    given = context.params
    folders = {task: str(given[task]) for task in ("cls", "det", "seg") if given[task]}
    held = {"own": folders} if tier == "own" else _own_file(Path(tier))
    if held is None or (folders and tier != "own"):
        if folders or given["weights"]:
            words = "--cls, --det, --seg and --weights are for `tricklift run own`"
            raise UserError(f"{words}, not for {tier!r}; in a tier file write them below 'own'")
        return tier
    if not held["own"]:
        raise UserError("`tricklift run own` needs data: --cls DIR, --det DIR, --seg DIR, or some")
    for entry in held["own"].values():
        path = Path(entry["path"] if isinstance(entry, dict) else entry)
        if not path.exists():
            raise MissingFileError(f"no folder {str(path)!r}; correct the path")
    from tricklift.own.written import tier_file  # slow to import: in another process
    from tricklift.suite import warm

    networks = names_in("--backbones", given["backbones"])
    if "cls" not in held["own"]:  # nothing is pretrained: each network is rows of its own
        given["backbones"] = None
    weights = names_in("--weights", given["weights"])
    return str(warm.call(tier_file, held, out / "own", weights, networks, say))


def say_aside(line: str) -> None:
    """Prints a line where it does not mix with what a command gives."""
    print(line, file=sys.stderr)


def _own_file(file: Path) -> dict[str, Any] | None:
    """What a tier file with the key `own` holds, its folders from where it is; None: no such."""
    from tricklift.records.plain_files import read_yaml

    if not file.is_file():
        return None
    try:
        held = read_yaml(file)
    except UserError:
        return None  # the reader of tier files says what is wrong
    if not isinstance(held, dict) or not isinstance(held.get("own"), dict):
        return None
    for task, entry in held["own"].items():
        entry = entry if isinstance(entry, dict) else {"path": entry}
        path = file.absolute().parent / Path(str(entry.get("path"))).expanduser()
        held["own"][task] = {**entry, "path": str(path)}
    return held
