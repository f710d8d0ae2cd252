"""`python -m benchmarks profile`: the phases of a mini run of each task, before and now."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.profile import PHASES, WORKERS, Phases, profile
from tricklift.configs import find_config
from tricklift.errors import UserError
from tricklift.markdown import grid
from tricklift.records.atomic import write_text
from tricklift.records.environment import environment
from tricklift.records.machine import machine

CONFIGS = ("cls/mini/resnet18_b-baseline", "det/mini/faster_rcnn_fpn", "seg/mini/fcn")
INTRO = """# Where a mini run spends its time

Written by `python -m benchmarks profile --page docs/profile.md{before}`. Seconds that passed, in
brackets processor seconds of the training's own threads. Each run is a process of its own;
`tricklift run` and `demo` import once for all jobs, and fork each job from there
(`{warm}`). Phases do not overlap; data workers run beside them, and their seconds include
those of the process's end.
"""
WARM = "tricklift/suite/warm.py"


def measure(
    configs: Sequence[str], trees: Mapping[str, Path], say: Callable[[str], None]
) -> dict[str, dict[str, Phases]]:
    """Config -> name of a tree -> phases; the trees take turns config by config."""
    found: dict[str, dict[str, Phases]] = {}
    for config in configs:
        for name, tree in trees.items():
            say(f"{config}, {name}")
            found.setdefault(config, {})[name] = profile(config, tree=tree)
    return found


def table(found: dict[str, dict[str, Phases]]) -> str:
    """A line a phase and its sum, a column a config and tree."""
    columns = {
        f"{config}, {name}" if len(trees) > 1 else config: phases
        for config, trees in found.items()
        for name, phases in trees.items()
    }
    rows = {f"{phase}: {what}": [phase] for phase, what in PHASES.items()}
    rows |= {WORKERS: [WORKERS], "**all**": [*PHASES, WORKERS]}
    lines = [[row, *(_seconds(of, rows[row]) for of in columns.values())] for row in rows]
    return grid(["phase", *columns], lines)


def _seconds(phases: Phases, names: Sequence[str]) -> str:
    wall, cpu = (sum(phases[name][kind] for name in names) for kind in ("wall", "cpu"))
    return f"{wall:.1f} ({cpu:.1f})"


def page(
    found: dict[str, dict[str, Phases]], commits: Mapping[str, str | None], before: str | None
) -> str:
    """The page `docs/profile.md`, with each tree's commit and the older tree's name, `before`."""
    it = machine()
    threads = os.environ.get("OMP_NUM_THREADS", it["threads"])
    text = INTRO.format(before=f" --before {before}" if before else "", warm=WARM)
    code = "\n".join(f"- {name}: commit {(of or 'unknown')[:8]}" for name, of in commits.items())
    where = f"- {it['cpu']}, {it['cores']} cores, {threads} threads, torch {it['torch']}"
    return f"{text}\n{table(found)}\n\n## Code\n\n{code}\n\n## Machine\n\n{where}\n"


def command(
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
    out: Annotated[Path | None, typer.Option("--page", help="Write the page here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Say where a training run spends its time: imports, building, training, validation, ...

    Trains for real, in a temporary folder. Nothing else should run on the machine meanwhile.
    """
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
        found = measure(configs or CONFIGS, trees, status.update)
    if out is not None:
        write_text(out, page(found, commits, before.name if before else None))
    print(json.dumps(found, indent=2) if as_json else table(found))
