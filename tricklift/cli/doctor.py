"""`tricklift doctor`: what this machine and environment have, and what will not work."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from tricklift.cli.options import AsJson, Root

SIGNS = {"ok": "  ", "note": "! ", "wrong": "X "}


def doctor(
    root: Root = Path("data"),
    runs: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The folder that runs are to go to; nothing is written."),
    ] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Say what this machine and environment have, and what is known to cause trouble.

    Python, cores, memory, shared memory, open files, disk and caches; threads and Slurm; the
    versions that tricklift.compat is written for; data sets; then torch with its devices, OpenCV,
    and OpenMMLab with compiled mmcv or our stand-ins. Exit code 1 where something will not work.

    \b
    !   works, with something to know
    X   will not work; below each stands what to do

    \b
    Before a long run, for its folders; for a report of a bug:
      tricklift doctor --root /data --runs /scratch/runs
      tricklift doctor --json
    """
    from tricklift.doctor import examine

    found = []
    for one in examine(root, runs):
        found.append(one)
        if not as_json:
            print(f"{SIGNS[one.level]}{one.what:20} {one.said}", flush=True)
            if one.remedy:
                print(f"{'':22} -> {one.remedy}", flush=True)
    wrong = sum(one.level == "wrong" for one in found)
    if as_json:
        print(json.dumps([dataclasses.asdict(one) for one in found], indent=2))
    else:
        noted = sum(one.level == "note" for one in found)
        print(f"\n{wrong or 'nothing'} that will not work, {noted or 'nothing'} to know")
    if wrong:
        raise typer.Exit(1)
