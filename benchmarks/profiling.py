"""`python -m benchmarks profile`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tricklift.errors import UserError


def profile(
    configs: Annotated[
        list[str] | None, typer.Argument(help="Short names.  [default: one mini run of each task]")
    ] = None,
    root: Annotated[
        Path, typer.Option(envvar="TRICKLIFT_ROOT", help="The folder that holds the data sets.")
    ] = Path("data"),
    before: Annotated[
        Path | None,
        typer.Option(help="An older checkout of tricklift, measured in turns with this one."),
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write the page here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Say where a training run spends its time: imports, building, training, validation, ...

    Trains for real, in a temporary folder. Nothing else should run on the machine meanwhile.
    """
    from rich.console import Console

    from benchmarks import profile_page as pages
    from tricklift.configs import find_config
    from tricklift.records.atomic import write_text
    from tricklift.records.environment import environment
    from tricklift.records.results import TREE, source_commit

    for config in configs or ():
        find_config(config)
    if before is not None and not (before / "tricklift" / "train.py").is_file():
        raise UserError(f"--before: {before} is no checkout of tricklift; give its top folder")
    trees = {**({"before": before.resolve()} if before else {}), "now": TREE}
    commits = {name: source_commit(tree) for name, tree in trees.items()}
    with (
        environment(TRICKLIFT_ROOT=str(root.resolve())),
        Console(stderr=True).status("starting") as status,
    ):
        found = pages.measure(configs or pages.CONFIGS, trees, status.update)
    if page is not None:
        write_text(page, pages.page(found, commits, before.name if before else None))
    print(json.dumps(found, indent=2) if as_json else pages.table(found))
