"""The page `docs/profile.md`: the phases of a mini run of each task, before and now."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.profile import PHASES, WORKERS, Phases, profile
from tricklift.markdown import grid
from tricklift.records.machine import machine

CONFIGS = ("cls/mini/resnet18_b-baseline", "det/mini/faster_rcnn_fpn", "seg/mini/fcn")
INTRO = """# Where a mini run spends its time

Written by `python -m benchmarks profile --page docs/profile.md{before}`. Seconds that passed, in
brackets processor seconds of the training's own threads. Each run is a process of its own;
`tricklift run` and `demo` import once for all jobs, and fork each job from there
([warm.py]({warm})). Phases do not overlap; data workers run beside them, and their seconds include
those of the process's end.
"""
WARM = "../tricklift/suite/warm.py"


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
    columns = [(config, name) for config, trees in found.items() for name in trees]
    several = len(next(iter(found.values()))) > 1
    header = ["phase", *(f"{config}, {name}" if several else config for config, name in columns)]
    lines = []
    for phase in (*PHASES, WORKERS):
        cells = [found[config][name][phase] for config, name in columns]
        words = f"{phase}: {PHASES[phase]}" if phase in PHASES else phase
        lines.append([words, *(_cell(cell) for cell in cells)])
    sums = [_sum(found[config][name]) for config, name in columns]
    return grid(header, [*lines, ["**all**", *(_cell(total) for total in sums)]])


def _cell(seconds: dict[str, float]) -> str:
    return f"{seconds['wall']:.1f} ({seconds['cpu']:.1f})"


def _sum(phases: Phases) -> dict[str, float]:
    return {kind: sum(entry[kind] for entry in phases.values()) for kind in ("wall", "cpu")}


def page(
    found: dict[str, dict[str, Phases]],
    commits: Mapping[str, str | None],
    before: str | None = None,
) -> str:
    """The whole page.

    Args:
        found: What `measure` gives.
        commits: Name of a tree -> its git commit, None for one without.
        before: How the older tree was named on the command line.
    """
    it = machine()
    threads = os.environ.get("OMP_NUM_THREADS", it["threads"])
    text = INTRO.format(before=f" --before {before}" if before else "", warm=WARM)
    code = "\n".join(f"- {name}: commit {(of or 'unknown')[:8]}" for name, of in commits.items())
    where = f"- {it['cpu']}, {it['cores']} cores, {threads} threads, torch {it['torch']}"
    return f"{text}\n{table(found)}\n\n## Code\n\n{code}\n\n## Machine\n\n{where}\n"
