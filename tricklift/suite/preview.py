"""What a plan would do, before it does it: `tricklift plan`. Nothing is changed."""

import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from tricklift.data.prepare import SETS
from tricklift.markdown import count
from tricklift.paper import costs
from tricklift.records.atomic import read_json
from tricklift.records.environment import environment
from tricklift.records.schema import RESULT_FILE
from tricklift.suite import status
from tricklift.suite.choices import refuse_unknown_jobs
from tricklift.suite.jobs import TRICKLIFT, Export, Job, Training, to_json
from tricklift.suite.tiers import Tier

#: In the order in which they are counted.
STATES = ("done", "running", "stopped", "stale", "failed", "waiting")
#: Options that change neither the time nor the size of a run.
_FREE = ("benchmark.tier=", "+row=", "model.distillation.teacher.checkpoint=")


@dataclass(frozen=True)
class Step:
    """A job of a plan as it stands now.

    Attributes:
        name: Of the job.
        kind: `training` or `export`.
        state: `done`, `running`, `stopped` (to be resumed), `stale` (to be begun anew: its config
            or its weights have changed), `failed` (to be tried again) or `waiting`.
        why: What made it stale, or what else there is to say of the state.
        needs: Names of the jobs that come before it.
        command: What it runs.
        gpu_hours: Estimate of the whole job; None where nothing is known.
        run_bytes: What it leaves on the disk; None where nothing is known.
        data: Data sets that it reads.
    """

    name: str
    kind: str
    state: str
    why: str
    needs: tuple[str, ...]
    command: str
    gpu_hours: float | None
    run_bytes: int | None
    data: tuple[str, ...]


def look(
    jobs: Sequence[Job],
    out: Path,
    root: Path,
    seen: Callable[[int, int], None] = lambda done, total: None,
) -> list[Step]:
    """Every job of a plan as it stands in `out`, with the data sets in `root`.

    Runs that `tricklift run` did not begin have their configs read, which takes a while: `seen`
    gets the number of jobs looked at, and of all.
    """
    measured = _measured(jobs)
    steps: dict[str, Step] = {}
    with environment(TRICKLIFT_ROOT=str(root.resolve())):
        for job in jobs:
            entry = to_json(job)
            hours, size = _cost(job, measured)
            state, why = _state(job, status.where(out, entry), steps)
            steps[job.name] = Step(
                job.name,
                entry["kind"],
                state,
                why,
                job.needs,
                command_of(job, resume=state == "stopped"),
                hours,
                size,
                job.data if isinstance(job, Training) else (),
            )
            seen(len(steps), len(jobs))
    return list(steps.values())


def only(steps: Sequence[Step], names: Sequence[str]) -> list[Step]:
    """The steps of those names; all where none are given.

    Raises:
        UserError: There is no such job.
    """
    refuse_unknown_jobs(names, [step.name for step in steps])
    return [step for step in steps if not names or step.name in names]


def _state(job: Job, where: status.Where, before: Mapping[str, Step]) -> tuple[str, str]:
    """What would be done with a job, and why."""
    if where.state in ("running", "queued"):
        return "running", where.words
    first = [name for name in job.needs if before[name].state != "done"]
    if first:  # what the job is now shows once these are there
        begun = where.state not in ("waiting", "blocked")
        return "waiting", f"begun before; {first[0]} comes first" if begun else ""
    state, why = job.examined()
    if state in ("done", "stale"):
        return state, why
    if where.state == "failed":
        return "failed", where.words
    return ("stopped", where.words) if state == "started" else ("waiting", "")


def command_of(job: Job, resume: bool = False) -> str:
    """The command of a job, for a shell in which `TRICKLIFT_ROOT` is set."""
    if (
        isinstance(job, Export)
        and not (note := job.training.work_dir / "last_checkpoint").is_file()
    ):
        return f'tricklift export "$(cat {shlex.quote(str(note))})" {shlex.quote(str(job.file))}'
    return shlex.join(["tricklift", *job.command(resume)[len(TRICKLIFT) :]])


def _kind(job: Training) -> tuple[Any, ...]:
    """Runs of one kind take the same time and space."""
    options = tuple(option for option in job.options if not option.startswith(_FREE))
    return job.config, job.backbone, job.tricks, options


def _measured(jobs: Sequence[Job]) -> dict[tuple[Any, ...], tuple[float, int]]:
    """Kind of a run -> GPU-hours and bytes of those that are finished, on the mean."""
    found = defaultdict(list)
    for job in jobs:
        result = read_json(job.work_dir / RESULT_FILE) if isinstance(job, Training) else {}
        if isinstance(job, Training) and result.get("status") == "done":
            hours = float(result["wall_seconds"]) * int(result.get("world_size") or 1) / 3600
            found[_kind(job)].append((hours, size_of(job.work_dir)))
    return {
        kind: (fmean(hours for hours, _ in runs), round(fmean(size for _, size in runs)))
        for kind, runs in found.items()
    }


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    files = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
    return sum(file.stat().st_size for file in files if file.is_file())


def _cost(
    job: Job, measured: Mapping[tuple[Any, ...], tuple[float, int]]
) -> tuple[float | None, int | None]:
    """GPU-hours and bytes: as measured in this folder, or as estimated for the paper's runs."""
    training = job.training if isinstance(job, Export) else job
    config, backbone, *changes = _kind(training)
    known = costs.known().get(config)
    fits = known is not None and known.backbone == backbone and not any(changes)
    if isinstance(job, Export):
        if job.file.is_file():
            return 0.0, job.file.stat().st_size
        return 0.0, known.export_bytes if known and fits else None
    if found := measured.get(_kind(job)):
        return found
    return (known.gpu_hours, known.run_bytes) if known and fits else (None, None)


def data_of(steps: Sequence[Step], root: Path) -> dict[str, bool]:
    """The data sets that the jobs read, and whether there is a folder of that name's set."""
    names = dict.fromkeys(name for step in steps for name in step.data)
    return {name: (root / (SETS[name].folder if name in SETS else name)).is_dir() for name in names}


def left(steps: Sequence[Step]) -> dict[str, Any]:
    """What there is still to do: GPU-hours, bytes, and of how many jobs neither is known."""
    todo = [step for step in steps if step.state != "done"]
    return {
        "jobs": len(todo),
        "gpu_hours": round(sum(step.gpu_hours or 0.0 for step in todo), 2),
        "bytes": sum(step.run_bytes or 0 for step in todo),
        "unknown": sum(step.gpu_hours is None for step in todo),
    }


def to_dict(tier: Tier, steps: Sequence[Step], out: Path, root: Path) -> dict[str, Any]:
    """The whole plan as plain data, for `--json`."""
    numbers = Counter(step.state for step in steps)
    return {
        "tier": tier.name,
        "about": tier.about,
        "out": str(out.resolve()),
        "root": str(root.resolve()),
        "data": data_of(steps, root),
        "states": {state: numbers[state] for state in STATES if numbers[state]},
        "left": left(steps),
        "jobs": [asdict(step) for step in steps],
    }


def to_text(tier: Tier, steps: Sequence[Step], out: Path, root: Path) -> str:
    """The whole plan as lines for people."""
    lines = [f"{tier.name}: {tier.about}" if tier.about else tier.name, ""]
    lines.append(f"{'state':8}{'time':>9} {'disk':>8}  job, what it waits for, and its command")
    for step in steps:
        line = f"{step.state:8}{hours(step.gpu_hours):>9} {size(step.run_bytes):>8}  "
        blank = " " * len(line)
        lines.append(f"{line}{step.name}")
        lines += [f"{blank}{step.state}: {step.why}"] if step.why else []
        lines += [f"{blank}after {', '.join(step.needs)}"] if step.needs else []
        lines.append(f"{blank}$ {step.command}")
    numbers = Counter(step.state for step in steps)
    counted = ", ".join(f"{numbers[state]} {state}" for state in STATES if numbers[state])
    lines += ["", f"{count(len(steps), 'job')} into {out}: {counted}", *_left(steps)]
    lines.append(f"For the commands: export TRICKLIFT_ROOT={shlex.quote(str(root.resolve()))}")
    for name, there in data_of(steps, root).items():
        if not there:
            lines.append(f"missing: {name}; 'tricklift prepare {name} --root {root}'")
    return "\n".join(lines)


def _left(steps: Sequence[Step]) -> list[str]:
    todo = left(steps)
    if not todo["jobs"]:
        return ["Nothing is left to do."]
    known = f"Left to do: {count(todo['jobs'], 'job')}"
    if todo["gpu_hours"] or todo["bytes"]:
        known += f", {hours(todo['gpu_hours'])}, {size(todo['bytes'])} of disk"
    if todo["unknown"]:
        known += (
            f"; of {todo['unknown']} neither time nor disk is known before one of their kind has "
            "ended"
        )
    return [
        f"{known}.",
        "Times are of one GPU (or CPU): what finished runs of the same kind took in this folder, "
        "times their processes; of the paper's runs before, hours of one V100 (see `tricklift "
        "paper rows`).",
    ]


def hours(number: float | None) -> str:
    """Hours for people: `357 h`, `7.2 h`, `4 min`; a dash where none are known."""
    if number is None:
        return "-"
    if number < 1:
        return f"{number * 60:.0f} min"
    return f"{number:,.0f} h" if number >= 100 else f"{number:.1f} h"


def size(number: int | None) -> str:
    """Bytes for people: `94 MB`, `1.2 GB`; a dash where none are known."""
    if number is None:
        return "-"
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
