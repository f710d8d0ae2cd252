"""`tricklift prepare` and `check`: data put in place, and looked at."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tricklift.errors import stoppable

Root = Annotated[
    Path,
    typer.Option(envvar="TRICKLIFT_ROOT", help="The folder that holds the data sets."),
]
Classes = Annotated[
    str | None,
    typer.Option(
        metavar="A,B", help="Take these classes alone; what is left out is counted.  [default: all]"
    ),
]
#: Said of a command that was stopped.
RESUMES = "rerun the same command to resume"


@stoppable(RESUMES)
def prepare(
    name: Annotated[str, typer.Argument(help="One of the names above.")],
    root: Root = Path("data"),
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A folder with the archives, or with an unpacked copy."),
    ] = None,
) -> None:
    """Put a data set in place and check it. One that is in place is only checked.

    \b
    generated:            miniworld
    small, real:          cifar10, bccd, camvid (bring your own copy: without
                          one, this says where to get it)
    for benchmarks:       imagenet-samples (likewise)
    downloaded:           voc (VOC 2007 and 2012, 2.9 GB), ade20k (1.0 GB),
                          places365 (256 px, 27 GB)
    bring your own copy:  imagenet (155 GB, needs a login)

    \b
    Archives are looked for in --from, TRICKLIFT_DATA and ROOT/archives.
    Downloads go to ROOT/archives; a stopped one is resumed, a stopped
    unpacking starts over. Archives must have the published sizes and
    checksums. Of what was unpacked, files are counted and some images
    decoded; of bccd, camvid and cifar10, some checksums are compared.
    Where nothing can be compared, the output says so. ROOT/.tricklift keeps
    checksums for later calls.

    \b
    An unpacked copy is linked, not copied:
      tricklift prepare imagenet --root data --from /datasets/imagenet
    """
    from tricklift.suite.demo import with_progress

    print(f"ready: {with_progress(name, root, source)}")


def check(
    path: Annotated[Path, typer.Argument(help="Folder of data, or a COCO file.")],
    task: Annotated[
        Literal["cls", "det", "seg"] | None,
        typer.Option(help="What the data are for.  [default: what they look like]"),
    ] = None,
    classes: Classes = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all that was found, as JSON.")
    ] = False,
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
    Then:
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
        from tricklift.tricks import split_names

        found = report(find(path, task, classes=split_names(classes)), Path(place))
    print(json.dumps(found.to_json(), indent=2) if as_json else to_text(found))
    if found.wrong:
        raise typer.Exit(1)


COMMANDS = (prepare, check)
