"""`tricklift prepare`: data put in place."""

from pathlib import Path
from typing import Annotated

import typer

from tricklift.errors import stoppable

Root = Annotated[
    Path,
    typer.Option(envvar="TRICKLIFT_ROOT", help="The folder that holds the data sets."),
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


COMMANDS = (prepare,)
