"""Running the jobs of a tier in turn: finished ones are passed over, stopped ones resumed."""

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from tricklift import prepare
from tricklift.errors import JobFailed
from tricklift.ground.atomic import write_text
from tricklift.jobs import Job, plan
from tricklift.tables import COMMANDS_FILE, duration
from tricklift.tiers import tier_of

#: Lines of mmengine's log that say how far a run is.
PROGRESS = re.compile(r"(Epoch|Iter)\((train|val|test)\).*")
#: Without a terminal, one progress line in this many seconds.
QUIET_SECONDS = 20.0


def run(
    tier: str,
    out: str | Path,
    root: str | Path,
    seeds: Sequence[int] = (0,),
    downstream_seeds: Sequence[int] | None = None,
    rows: Sequence[str] | None = None,
    on_start: Callable[[], None] | None = None,
) -> None:
    """Runs the jobs of a tier into `out`, on the data in `root`; see `tricklift.jobs.plan`.

    `on_start` is called once when nothing was found wrong, before the first job.

    Raises:
        ValueError: Unknown tier or row, or data that are not whole.
        JobFailed: A job ended with an error; the same call goes on from there.
    """
    jobs = plan(tier, out, seeds, downstream_seeds, rows)
    check_data(tier, root)
    os.environ["TRICKLIFT_ROOT"] = str(Path(root).resolve())  # configs and child processes read it
    if on_start:
        on_start()
    console = Console()
    console.print(
        f"{len(jobs)} jobs into {out}; full logs in {Path(out) / 'logs'}", highlight=False
    )
    started = time.monotonic()
    for number, job in enumerate(jobs, start=1):
        run_job(job, Path(out), f"[{number}/{len(jobs)}]", console)
    console.print(f"all jobs done, {duration(time.monotonic() - started)}", highlight=False)


def check_data(tier: str, root: str | Path) -> None:
    """Refuses to start where a data set of the tier is not there, or not whole."""
    for name in tier_of(tier).data:
        problem = prepare.missing(name, root)
        if problem:
            raise ValueError(f"{problem}; run 'tricklift prepare {name} --root {root}'")


def note_command(out: str | Path, arguments: Sequence[str]) -> None:
    """Adds what was typed to `out/commands.json`, for the page that `compare` writes."""
    file = Path(out) / COMMANDS_FILE
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        entries = []
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entries.append({"command": shlex.join(["tricklift", *arguments]), "started": now})
    write_text(file, json.dumps(entries, indent=2) + "\n")


def run_job(job: Job, out: Path, number: str, console: Console) -> None:
    """Brings one job to its end, unless it is done; says what happened in one line."""
    with console.status(f"{escape(number)} {job.name}: looking at what is there"):
        state = job.state()
    if state == "done":
        console.print(f"{escape(number)} {job.name}: done before  {job.summary()}", highlight=False)
        return
    if state == "stale" and (aside := job.clear(out)):
        console.print(f"{escape(number)} {job.name}: config has changed, old run is now in {aside}")
    command = job.command(resume=state == "started")
    log = out / "logs" / f"{job.name.replace('/', '_')}.log"
    started = time.monotonic()
    if not console.is_terminal:
        verb = "goes on" if state == "started" else "starts"
        console.print(f"{escape(number)} {job.name}: {verb}", highlight=False)
    code = follow(command, log, f"{number} {job.name}", console)
    took = duration(time.monotonic() - started)
    if code != 0:
        raise JobFailed(f"job {job.name} failed: {last_words(log)} (full log: {log})", code)
    if job.state() != "done":
        raise JobFailed(f"job {job.name} ended without a result (full log: {log})", 1)
    console.print(
        f"{escape(number)} {job.name}: {took}  [bold]{job.summary()}[/bold]", highlight=False
    )


def follow(command: Sequence[str], log: Path, title: str, console: Console) -> int:
    """Starts a process, keeps all that it prints in `log`, shows where it is; returns its code."""
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    shown = time.monotonic()
    with (
        log.open("a", encoding="utf-8") as file,
        console.status(f"{escape(title)}: starting") as status,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        print(f"$ {shlex.join(command)}", file=file, flush=True)
        for line in process.stdout:
            print(line, end="", file=file, flush=True)
            found = PROGRESS.search(line)
            if not found:
                continue
            words = escape(condensed(found[0]))
            if console.is_terminal:
                status.update(f"{escape(title)}: {words}")
            elif time.monotonic() - shown >= QUIET_SECONDS:
                console.print(f"{escape(title)}: {words}", highlight=False, soft_wrap=True)
                shown = time.monotonic()
    return process.returncode


def condensed(line: str) -> str:
    """mmengine's progress line without what only a developer wants."""
    kept = re.sub(r"\s+(base_lr|time|data_time|memory|grad_norm): \S+", "", line)
    return re.sub(r"\s+", " ", kept)[:120]


def last_words(log: Path) -> str:
    """The last line of a log that says what went wrong."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [
        line for line in lines[-30:] if re.match(r"(error: |\w*Error\b|\w+\.\w*Error\b)", line)
    ]
    return (errors or lines or ["no output"])[-1].removeprefix("error: ")
