"""Running the jobs of a tier: finished ones are skipped, stopped ones resumed."""

import json
import shlex
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tricklift.data import prepare
from tricklift.errors import JobFailed, UserError
from tricklift.markdown import duration
from tricklift.records import lock
from tricklift.records.atomic import read_json, write_text
from tricklift.records.environment import environment
from tricklift.records.schema import RESULT_FILE
from tricklift.suite.board import Board
from tricklift.suite.jobs import Job, Training
from tricklift.suite.plan import plan
from tricklift.suite.processes import Children, follow, killed_by, last_words
from tricklift.suite.tier_file import read
from tricklift.suite.tiers import Tier
from tricklift.tables.records import COMMANDS_FILE


def run(
    tier: str | Path,
    out: str | Path,
    root: str | Path,
    max_parallel: int = 1,
    on_start: Callable[[], None] | None = None,
    **asked: Any,
) -> None:
    """Runs the jobs of a tier into `out`, on the data in `root`.

    Args:
        tier: Its name, or the path of its file.
        out: Folder for runs, exports and logs.
        root: Folder of the data sets.
        max_parallel: Jobs at the same time.
        on_start: Called before the first job, once nothing was found wrong.
        asked: Which jobs; see `tricklift.suite.plan.plan`.

    Raises:
        UserError: Unknown tier, row or backbone, another tier's runs in `out`, data that are not
            whole, or no job `max_parallel`.
        JobFailed: A job ended with an error; the same call resumes.
    """
    if max_parallel < 1:
        raise UserError(f"--jobs must be at least 1, got {max_parallel}")
    what = read(tier)
    jobs = plan(what, out, root=root, **asked)
    check_tier(what, Path(out))
    check_data(jobs, root)
    if on_start:
        on_start()
    started = time.monotonic()
    with Board() as board, environment(TRICKLIFT_ROOT=str(Path(root).resolve())):
        board.say(f"{len(jobs)} jobs into {out}; full logs in {Path(out) / 'logs'}")
        run_jobs(jobs, Path(out), board, max_parallel)
        board.say(f"all jobs done, {duration(time.monotonic() - started)}")


def check_tier(tier: Tier, out: Path) -> None:
    """Refuses a folder with runs of another tier, which these would move away: names are shared."""
    for file in sorted(out.glob(f"*/*/seed*/{RESULT_FILE}")):
        found = read_json(file).get("tier")
        if found and found != tier.name:
            raise UserError(f"{out} holds the tier {found}, not {tier.name}; give another --out")


def check_data(jobs: Sequence[Job], root: str | Path) -> None:
    """Refuses to start where a data set of the jobs is not there, or not whole."""
    trainings = [job for job in jobs if isinstance(job, Training)]
    for name in dict.fromkeys(name for job in trainings for name in job.data):
        problem = prepare.missing(name, root)
        if problem:
            raise UserError(f"{problem}; run 'tricklift prepare {name} --root {root}'")


def note_command(out: str | Path, arguments: Sequence[str]) -> None:
    """Adds what was typed to `out/commands.json`, for the page that `compare` writes."""
    file = Path(out) / COMMANDS_FILE
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with lock.alone(file.with_name(f".{file.name}.lock")):
        try:
            entries = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            entries = []
        entries.append({"command": shlex.join(["tricklift", *arguments]), "started": now})
        write_text(file, json.dumps(entries, indent=2) + "\n")


def run_jobs(jobs: Sequence[Job], out: Path, board: Board, max_parallel: int = 1) -> None:
    """Brings all jobs to their end, so many at a time, each after those that it needs.

    Configs are read in this thread alone (mmengine reads them through `sys.path`); the others only
    follow a process each. If one fails, the rest are stopped, and can be resumed.

    Raises:
        JobFailed: A job ended with an error, or without a result.
    """
    titles = {job.name: f"[{n}/{len(jobs)}] {job.name}" for n, job in enumerate(jobs, start=1)}
    logs = {job.name: out / "logs" / f"{job.name.replace('/', '_')}.log" for job in jobs}
    waiting, done, children = list(jobs), set[str](), Children(max_parallel)
    running: dict[Future[int], tuple[Job, float]] = {}
    with ThreadPoolExecutor(max_parallel) as pool:
        try:
            while waiting or running:
                ready = next((job for job in waiting if done.issuperset(job.needs)), None)
                if ready is not None and len(running) < max_parallel:
                    waiting.remove(ready)
                    title = titles[ready.name]
                    command = begin(ready, title, out, board)
                    if command is None:
                        done.add(ready.name)
                        continue
                    future = pool.submit(follow, command, logs[ready.name], title, board, children)
                    running[future] = ready, time.monotonic()
                    continue
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job, since = running.pop(future)
                    board.over(titles[job.name])
                    refuse_failed(job, future.result(), logs[job.name])
                    seconds = duration(time.monotonic() - since)
                    board.say(f"{titles[job.name]}: {seconds}", job.summary())
                    done.add(job.name)
        finally:
            children.stop()


def begin(job: Job, title: str, out: Path, board: Board) -> list[str] | None:
    """The command that brings a job to its end; None where it is already done.

    Raises:
        UserError: It must be started anew, and another process trains in its folder.
    """
    board.now(title, "checking earlier runs")
    state = job.state()
    if state == "done":
        board.over(title)
        board.say(f"{title}: already done  {job.summary()}")
        return None
    if state == "stale" and (aside := job.clear(out)):
        board.say(f"{title}: config or weights changed; the old run was moved to {aside}")
    if not board.console.is_terminal:
        board.say(f"{title}: {'resumes' if state == 'started' else 'starts'}")
    return job.command(resume=state == "started")


def refuse_failed(job: Job, code: int, log: Path) -> None:
    """Looks at a job whose process has ended.

    Raises:
        JobFailed: It ended with an error, or without a result.
    """
    if code < 0:
        raise JobFailed(f"job {job.name} {killed_by(code)} (full log: {log})", code)
    if code != 0:
        raise JobFailed(f"job {job.name} failed: {last_words(log)} (full log: {log})", code)
    if job.state() != "done":
        raise JobFailed(f"job {job.name} ended without a result (full log: {log})", 1)
