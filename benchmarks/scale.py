"""What the suite itself costs with thousands of jobs: plan, status, and the front door's process.

The jobs are a line of shell that waits and talks; nothing is trained. `python -m benchmarks scale`.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tricklift.records.machine import peak_memory
from tricklift.suite import graph, status
from tricklift.suite.board import Board
from tricklift.suite.engines import Resources
from tricklift.suite.engines.local import Local
from tricklift.suite.jobs import Job, Training

#: Jobs of a row with one seed: a pretraining, its export, and two from it.
PER_ROW = 4
SEEDS = 5


def waiting_jobs(out: Path, count: int) -> list[Training]:
    """So many jobs in groups of four: one, one after it, and two after that."""
    jobs: list[Training] = []
    for number in range(count):
        row, place = divmod(number, PER_ROW)
        name = f"group{row}/{place}"
        needs = (f"group{row}/{min(place - 1, 1)}",) if place else ()
        jobs.append(Training(name, "cls/mini/resnet18_b-baseline", out / name, 0, needs=needs))
    return jobs


def commands(seconds: float) -> object:
    """For `Local.command`: jobs that say something each second, and leaves its result."""
    steps = max(1, round(seconds))
    line = f"Epoch(train) [1][$i/{steps}]  eta: 0:00:01  time: 0.1  loss: 2.0"
    say = f'for i in $(seq {steps}); do echo "{line}"; sleep {seconds / steps}; done'
    result = '{"status": "done", "epochs": 1, "metrics": {"top1": 50.0}}'

    def command(out: Path, name: str, resources: Resources) -> list[str]:
        place = out / name
        text = f"mkdir -p '{place}'; {say}; echo '{result}' > '{place}/result.json'"
        return ["sh", "-c", text]

    return command


def front_door(out: Path, count: int, parallel: int, seconds: float) -> None:
    """Runs the jobs in this process, and prints what it took."""
    jobs: list[Job] = list(waiting_jobs(out, count))
    graph.write(out, "none", out, {}, jobs)
    engine = Local(max_parallel=parallel, command=commands(seconds))  # type: ignore[arg-type]
    began = time.monotonic()
    with Board(out) as board:
        failures = engine.run(jobs, out, board)
    wall = time.monotonic() - began
    assert not failures, failures[:3]
    print(f"front door: {wall:.1f} {time.process_time():.2f} {peak_memory():.0f}")


def plan_seconds(count: int) -> float:
    """Of a plan of at least so many jobs: rows of the tier `mini`, with five seeds."""
    from tricklift.suite.plan import plan
    from tricklift.suite.tier_file import read

    tier = read("mini")
    rows = -(-count // (PER_ROW * SEEDS))
    many = tuple(replace(tier.rows[0], name=f"row{number}") for number in range(rows))
    began = time.monotonic()
    planned = plan(replace(tier, rows=many, random_init=()), "nowhere", seeds=range(SEEDS))
    taken = time.monotonic() - began
    assert len(planned) >= count
    return taken


def front_door_cost(out: Path, count: int, parallel: int, seconds: float) -> dict[str, float]:
    """Of a run of so many jobs: its processor share (1 is a core), processor seconds a job, MiB."""
    arguments = [str(out), str(count), str(parallel), str(seconds)]
    command = [sys.executable, "-m", "benchmarks.scale", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    words = done.stdout.rpartition("front door: ")[2].split()
    wall, processor, memory = map(float, words)
    return {"wall s": wall, "share": processor / wall, "s a job": processor / count, "MiB": memory}


def status_seconds(out: Path) -> float:
    """Of a look at all jobs of a folder."""
    began = time.monotonic()
    status.look(out)
    return time.monotonic() - began


def scale(
    jobs: Annotated[int, typer.Option(min=4, help="How many.")] = 2000,
    parallel: Annotated[int, typer.Option(min=1, help="How many at the same time.")] = 64,
    seconds: Annotated[float, typer.Option(help="How long each takes.")] = 5.0,
) -> None:
    """Simulate a folder of thousands of jobs, and print what plan, run and status take."""
    print(f"plan of {jobs} jobs: {plan_seconds(jobs):.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for name, value in front_door_cost(out, jobs, parallel, seconds).items():
            print(f"front door, {name}: {value:.3f}")
        print(f"status: {status_seconds(out):.2f} s")


if __name__ == "__main__":
    place, *numbers = sys.argv[1:]
    front_door(Path(place), int(numbers[0]), int(numbers[1]), float(numbers[2]))
