"""`tricklift plan`: what `run` would do with the same arguments."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from tricklift.cli.benchmark import TierName, asked, run
from tricklift.cli.data import own_tier, say_aside
from tricklift.cli.engines import Only, engine_of, refuse_parts, slurm_options, write_scripts
from tricklift.cli.options import AsJson, Root, RunFolder, names_in
from tricklift.cli.signatures import taking_options_of


@taking_options_of(run)
def plan(
    context: typer.Context,
    tier: TierName,
    out: RunFolder,
    root: Root = Path("data"),
    only: Only = None,
    as_json: AsJson = False,
    sbatch: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write plain sbatch scripts with dependencies there."),
    ] = None,
    **given: Any,
) -> None:
    """Print what `tricklift run` would do with the same arguments. Nothing is changed.

    Each job with its state (done, running, stopped, stale and why, failed, waiting), the jobs that
    it waits for, its command, and an estimate of GPU-hours and disk. Where jobs run is taken as
    `run` takes it, and changes nothing here.

    \b
    What the paper's Tables 8 and 9 take:
      tricklift plan full --out runs/full --tables 8,9

    \b
    Data of your own (their configs go to a temporary folder):
      tricklift plan own --cls DIR --det DIR --out runs/mine

    \b
    Scripts for a cluster of which this host knows nothing (docs/cluster.md):
      tricklift plan full --out runs/full --tables 8,9 --gpus-per-job 8 \\
        --partition gpu --sbatch scripts
    """
    if sbatch is None:
        engine_of(context.params)  # refused as by `run`
    else:
        slurm_options(context.params)  # a cluster of which this host knows nothing
        refuse_parts(context.params["gpus_per_job"])
    scripts = sbatch is not None or (out / "own").is_dir()
    with TemporaryDirectory(prefix="tricklift-plan-") as scratch:
        # Configs for data of one's own are written by `run`, and by what leaves scripts behind.
        tier = own_tier(context, tier, out if scripts else Path(scratch), say_aside)
        _plan(context, tier, out, root, only, as_json, sbatch)


def _plan(
    context: typer.Context,
    tier: str,
    out: Path,
    root: Path,
    only: str | None,
    as_json: bool,
    sbatch: Path | None,
) -> None:
    import json

    from rich.console import Console
    from rich.progress import Progress

    from tricklift.suite import graph, preview
    from tricklift.suite.plan import plan as jobs_of
    from tricklift.suite.run import check_tier
    from tricklift.suite.tier_file import read

    what = read(tier)
    jobs = jobs_of(what, out, root=root, **asked(context))
    check_tier(what, out)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("looking at earlier runs", total=len(jobs))
        steps = preview.look(jobs, out, root, lambda done, _: bar.update(task, completed=done))
    steps = preview.only(steps, names_in("--only", only))
    if sbatch is not None:
        open_ones = {step.name for step in steps if step.state != "done"}
        left = [job for job in jobs if job.name in open_ones]
        graph.write(out, tier, root, asked(context), jobs)
        write_scripts(left, out, sbatch, context.params)
        return
    if as_json:
        print(json.dumps(preview.to_dict(what, steps, out, root), indent=2))
    else:
        print(preview.to_text(what, steps, out, root))
