"""`tricklift new`, `check-backbone`, and the option `--import`."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from tricklift.cli import completion
from tricklift.cli.groups import Group
from tricklift.cli.options import WHERE
from tricklift.cli.signatures import with_parameters
from tricklift.errors import UserError, one_line

Imports = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="FILE.py|MODULE",
        help="A file or module of your own, with backbones (register_backbone) or parts that a "
        "config names. The run's config keeps it. Repeatable.",
    ),
]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and _.")]
Folder = Annotated[
    Path, typer.Option("--out", file_okay=False, help=f"{WHERE}: the folder for both files.")
]


def importing(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the option `--import`, which is done before the command begins."""

    def with_imports(*args: Any, own_imports: Any = None, **kwargs: Any) -> Any:
        if own_imports:
            from tricklift.compat import imports

            imports.take(own_imports)
        return command(*args, **kwargs)

    more = inspect.Parameter(
        "own_imports", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Imports
    )
    return with_parameters(command, [more], with_imports)


def new_backbone(
    name: NewName,
    out: Folder = Path(),
) -> None:
    """Write NAME.py, a small network that works, and test_NAME.py.

    \b
    Then change it, and see docs/your-backbone.md:
      tricklift new backbone mynet
      tricklift check-backbone mynet --import mynet.py
    """
    from backbones.registry import refuse_taken
    from tricklift.templates import write

    refuse_taken(name, "")
    files = write("backbone", name, out)
    print(*(f"done: {file}" for file in files), sep="\n")
    print(
        f"next: tricklift check-backbone {name} --import {files[0]}\n"
        f"then: tricklift train cls/mini/resnet18_b-baseline --backbone {name} --import {files[0]}"
    )


def new_trick(
    name: NewName,
    out: Folder = Path(),
) -> None:
    """Write NAME.py, a trick that works, and test_NAME.py.

    \b
    Then change it, and see docs/your-trick.md:
      tricklift new trick heavier
      tricklift train cls/mini/resnet18_b-baseline --tricks heavier.py
    """
    from tricklift.templates import write
    from tricklift.tricks.names import refuse_ours

    refuse_ours(name)
    files = write("trick", name, out)
    print(*(f"done: {file}" for file in files), sep="\n")
    print(f"next: tricklift train cls/mini/resnet18_b-baseline --tricks {files[0]}")


def check_backbone(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            autocompletion=completion.backbone,
            help="As in --backbone, e.g. one of your own.",
        ),
    ],
) -> None:
    """Try all that configs, tricks and exports ask of a backbone, as our tests do with ours.

    \b
    ok      it does this
    no      it cannot, and says why: only what asks for it will refuse
    FAILED  mend this before you train; the exit code is 1

    \b
    One of your own, and one of timm's:
      tricklift check-backbone mynet --import mynet.py
      tricklift check-backbone timm/convnext_atto
    """
    from backbones.properties import PROPERTIES, Absent
    from backbones.registry import build

    build(name)  # what stops it from being built at all is said at once
    broken = 0
    for title, check in PROPERTIES.items():
        try:
            said, detail = "ok", check(name)
        except Absent as error:
            said, detail = "no", str(error)
        except Exception as error:  # the network's own code may raise anything
            kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            said, detail, broken = "FAILED", kind + one_line(error), broken + 1
        print(f"{said:6} {title}" + (f": {detail}" if detail else ""), flush=True)
    if broken:
        print(f"{name} fails {broken} of {len(PROPERTIES)}; mend these before you train with it")
        raise typer.Exit(1)
    print(f"{name} can be trained, exported and put into detectors and segmenters")


NEW = Group(
    "new",
    "Write a file to begin with: a backbone or a trick of your own, with its test.",
    {"backbone": new_backbone, "trick": new_trick},
)
