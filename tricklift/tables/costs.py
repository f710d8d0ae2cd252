"""What the runs behind a row cost: processor or GPU hours, memory, images a second."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from tricklift.markdown import duration
from tricklift.tables.compare import TASKS, Line
from tricklift.tables.records import Record


@dataclass(frozen=True)
class Cost:
    """Of a row's runs of one task.

    Attributes:
        row: What the line is called.
        task: Of `TASKS`.
        runs: How many.
        wall_hours: Mean over runs, with validation, without the start of the program.
        cpu_hours: Mean over runs, of the main process without its data workers; None: not known.
        gpu_hours: Mean over runs, wall time times processes; None on a CPU.
        peak_memory: Resident, GiB, the highest of the runs; None: not known.
        images_per_second: Training images over wall time, mean over runs; None: not known.
    """

    row: str
    task: str
    runs: int
    wall_hours: float
    cpu_hours: float | None
    gpu_hours: float | None
    peak_memory: float | None
    images_per_second: float | None


def costs(lines: Sequence[Line], names: Sequence[str]) -> list[Cost]:
    """Of each line and task that has runs; those that lines share, such as pretrainings, once.

    Args:
        lines: Of the table.
        names: What each is called.
    """
    found, seen = [], set()
    for name, line in zip(names, lines, strict=True):
        for task in TASKS:
            runs = line.runs[task]
            if runs and runs[0].path not in seen:
                seen.add(runs[0].path)
                found.append(cost(name, task, runs))
    return found


def cost(name: str, task: str, runs: Sequence[Record]) -> Cost:
    """Of some runs."""
    return Cost(
        name,
        task,
        len(runs),
        fmean(run["wall_seconds"] for run in runs) / 3600,
        _mean([run["cpu_seconds"] and run["cpu_seconds"] / 3600 for run in runs]),
        _mean([gpu_seconds(run) and gpu_seconds(run) / 3600 for run in runs]),
        max((run["peak_memory"] / 1024 for run in runs if run["peak_memory"]), default=None),
        _mean([images_per_second(run) for run in runs]),
    )


def in_all(runs: Sequence[Record]) -> str:
    """What runs took together, in a sentence: wall time, and that of processors and GPUs."""
    wall = sum(run["wall_seconds"] for run in runs)
    words = [f"In all {duration(wall)} of training and validation"]
    known = [run["cpu_seconds"] for run in runs if run["cpu_seconds"]]
    if known:
        words.append(f"{duration(sum(known))} of CPU time")
    if gpus := sum(map(gpu_seconds, runs)):
        words.append(f"{duration(gpus)} of GPU time")
    unknown = len(runs) - len(known) if known else 0
    note = f" ({unknown} of {len(runs)} runs do not tell their CPU time)" if unknown else ""
    return ", ".join(words) + note + "."


def gpu_seconds(run: Record) -> float:
    """Wall time of all GPUs together; 0 for a run on a CPU."""
    on_cpu = run["machine"].get("device", "cpu") == "cpu"
    return 0.0 if on_cpu else float(run["wall_seconds"]) * (run["world_size"] or 1)


def images_per_second(run: Record) -> float | None:
    """Training images over wall time, that of validation included; None where it is not known."""
    if not (run["iters"] and run["batch_size"] and run["wall_seconds"]):
        return None
    return float(run["iters"] * run["batch_size"] / run["wall_seconds"])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value]
    return fmean(known) if known else None
