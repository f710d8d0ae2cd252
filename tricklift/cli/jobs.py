"""`tricklift status`, `clean`, and `work`, which the engines call."""

import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from tricklift.cli.listing import PIPED_WIDTH
from tricklift.cli.options import AsJson
from tricklift.errors import stoppable

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Output folder of a `tricklift run` or `demo`.")
]


@stoppable()
def status(
    folder: Folder,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Keep it up to date: until all jobs have ended."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show where the jobs of a folder are: state, progress, metric so far, speed, time left.

    \b
    Beside a run, until all jobs have ended; for a script:
      tricklift status runs/small --watch
      tricklift status runs/small --json

    It reads files alone, so it works beside a run, from another machine, and beside a cluster.
    With more than 100 jobs, those that are done or wait are counted and not listed.

    \b
    States:
      done       its result (or exported file) is there
      running    with epoch, step, images/s, and the time left that mmengine reckons
      queued     submitted to a cluster
      stopped    by a signal, or its process is gone; the next `run` resumes it
      failed     its log says why; the next `run` tries it again
      waiting    for its turn, or for a job that it needs
      blocked    a job that it needs has failed
    """
    from rich.console import Console

    from tricklift.suite import graph
    from tricklift.suite.board import page
    from tricklift.suite.status import have_ended, look

    folder = graph.folder_of(folder)
    if as_json:
        print(json.dumps([dataclasses.asdict(job) for job in look(folder)], indent=2))
        return
    console = Console()
    jobs = look(folder)
    if not watch:
        (console if console.is_terminal else Console(width=PIPED_WIDTH)).print(page(folder, jobs))
        return
    from rich.live import Live

    with Live(page(folder, jobs), console=console, auto_refresh=False) as live:
        while not have_ended(jobs):
            time.sleep(2)
            jobs = look(folder)
            live.update(page(folder, jobs), refresh=True)


@stoppable()
def clean(
    folder: Folder,
    yes: Annotated[bool, typer.Option("--yes", help="Remove what is listed.")] = False,
) -> None:
    """List what a finished folder no longer needs; with --yes, remove it.

    \b
    Removed:  runs that were set aside (of another config or other weights),
              checkpoints but the last and the best of each run, checkpoints
              saved at a signal that training has passed, temporary files
    Kept:     results, logs, exports, configs, last and best checkpoints

    The folders of jobs that run now are left alone.

    \b
    What there is; then without it:
      tricklift clean runs/small
      tricklift clean runs/small --yes
    """
    from tricklift.suite.clean import leftovers, remove

    found = leftovers(folder)
    for one in found:
        print(f"{one.size / 1e6:9.1f} MB  {one.why:16} {one.path}")
    total = sum(one.size for one in found) / 1e6
    if not found:
        print(f"nothing to remove in {folder}")
    elif yes:
        remove(found)
        print(f"removed {total:.1f} MB")
    else:
        print(f"{total:.1f} MB; 'tricklift clean {folder} --yes' removes them")


def work(
    out: Folder,
    job: Annotated[str, typer.Argument(metavar="JOB", help="Name of a job of `tricklift status`.")],
    processes: Annotated[int, typer.Option(min=1, help="Processes on each node.")] = 1,
    gpus: Annotated[int, typer.Option(min=0, help="GPUs on each node.")] = 0,
    nodes: Annotated[int, typer.Option(min=1, help="Nodes of each training, through srun.")] = 1,
    here: Annotated[bool, typer.Option("--here", help="In this process, unwatched.")] = False,
) -> None:
    """Bring one job of a folder to its end, on whatever machine this is called.

    Exit codes: 0 done, 85 stopped by a signal (call it again to resume), 2 a mistake of the user,
    1 any other.
    """
    from tricklift.suite.engines import Resources
    from tricklift.suite.work import prepared, watched

    resources = Resources(processes, gpus, nodes)
    if not here:
        raise typer.Exit(watched(out, job, resources).exit_code)
    command = prepared(out, job, resources)
    if command is None:
        return
    from tricklift.suite.jobs import TRICKLIFT

    if tuple(command[: len(TRICKLIFT)]) == TRICKLIFT:
        from tricklift.cli import main

        main(command[len(TRICKLIFT) :])
    from tricklift.suite.parent import tie_again

    tie_again()
    sys.stdout.flush()
    os.execvp(command[0], command)
