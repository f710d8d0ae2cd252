"""The front door: what was asked for is planned and checked, and handed to an engine."""

import json
import shlex
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tricklift.errors import (
    USER_ERROR,
    JobFailed,
    MissingFileError,
    UserError,
    ends_on_sigterm,
)
from tricklift.markdown import count, duration
from tricklift.records import lock, plain_files
from tricklift.records.atomic import read_json, write_text
from tricklift.records.environment import environment
from tricklift.records.schema import RESULT_FILE
from tricklift.suite import graph, warm
from tricklift.suite.board import Board
from tricklift.suite.choices import refuse_unknown_jobs
from tricklift.suite.engines import Engine, Failure
from tricklift.suite.engines.local import Local
from tricklift.suite.jobs import Job, Training
from tricklift.suite.processes import last_lines
from tricklift.suite.tier_file import names
from tricklift.suite.tiers import Tier
from tricklift.tables.records import COMMANDS_FILE


def run(
    tier: str | Path | Tier,
    out: str | Path,
    root: str | Path,
    engine: Engine | None = None,
    on_start: Callable[[], None] | None = None,
    only: Sequence[str] | None = None,
    typed: Sequence[str] = (),
    **asked: Any,
) -> None:
    """Brings the jobs of a tier to their end in `out`, on the data in `root`.

    This process stays small: what imports torch, the plan too, runs in others.

    Args:
        tier: Its name, the path of its file, or what was read of it.
        out: Folder for runs, exports, logs and states.
        root: Folder of the data sets.
        engine: Where the jobs run; by default on this host, one after another.
        on_start: Called before the first job, once nothing was found wrong.
        only: Names of the jobs to run, whose needs are done; None: all.
        typed: The arguments of the command line, to say how a job is retried.
        asked: Which jobs; see `tricklift.suite.plan.plan`.

    Raises:
        UserError: Unknown tier, row, backbone or job, another tier's runs in `out`, data that are
            not whole, a tracker that takes no runs, or what the engine refuses.
        JobFailed: Jobs ended with an error, and all that do not need them are done; the same call
            tries them again.
    """
    engine, out = engine or Local(), Path(out)
    engine.check()
    jobs, done = warm.call(planned, tier, out, root, asked, only)
    chosen = _chosen(jobs, done, only)
    if on_start:
        on_start()
    name = tier.name if isinstance(tier, Tier) else str(tier)
    graph.write(out, name, root, asked, jobs)
    started = time.monotonic()
    with ends_on_sigterm(), Board(out) as board:
        board.number([job.name for job in jobs])
        board.say(f"{count(len(chosen), 'job')} into {out}; full logs in {out / 'logs'}")
        for job in chosen:
            if job.name in done:
                board.ended(job.name, "already done", job.summary())
        failures = engine.run([job for job in chosen if job.name not in done], out, board)
        took = duration(time.monotonic() - started)
        if not failures:
            board.say(f"all jobs done, {took}")
            return
        report(failures, chosen, typed, board)
    raise _failed(failures)


def planned(
    tier: str | Path | Tier,
    out: Path,
    root: str | Path,
    asked: dict[str, Any],
    only: Sequence[str] | None = None,
) -> tuple[list[Job], set[str]]:
    """The jobs that were asked for, and the names of those that are done; nothing is changed.

    Raises:
        UserError: See `run`.
    """
    from tricklift import log_to
    from tricklift.suite.plan import plan  # imports torch, which `run` does not
    from tricklift.suite.tier_file import read

    what = tier if isinstance(tier, Tier) else read(tier)
    jobs = plan(what, out, root=root, **asked)
    check_tier(what, out)
    refuse_unknown_jobs(only or (), [job.name for job in jobs])
    check_data(jobs, root)
    log_to.check(asked.get("log_to") or ())
    done: set[str] = set()
    with environment(TRICKLIFT_ROOT=str(Path(root).resolve())):
        for job in jobs:  # what follows from a job that is not done, may not be what it was
            if done.issuperset(job.needs) and job.has_result() and job.state() == "done":
                done.add(job.name)
    return jobs, done


def _chosen(jobs: Sequence[Job], done: set[str], only: Sequence[str] | None) -> list[Job]:
    """The jobs of `--only`, or all.

    Raises:
        UserError: Something that one needs is not done.
    """
    names = [job.name for job in jobs]
    chosen = [job for job in jobs if only is None or job.name in only]
    for job in chosen:
        missing = [need for need in job.needs if need not in done and need not in (only or names)]
        if missing:
            raise UserError(
                f"--only {job.name}: it needs {', '.join(missing)}, which is not done; name it too "
                f"(--only {','.join([*missing, job.name])}), or leave --only out"
            )
    return chosen


def report(
    failures: Sequence[Failure], jobs: Sequence[Job], typed: Sequence[str], board: Board
) -> None:
    """Says what failed, with the end of its log and how to retry it alone, and what needs it."""
    lost = {failure.name for failure in failures}
    left: list[str] = []
    for job in jobs:
        if lost.intersection(job.needs):
            lost.add(job.name)
            left.append(job.name)
    for failure in failures:
        board.say(f"\nfailed: {failure.name}: {failure.words}")
        for line in last_lines(failure.log):
            board.say(f"  | {line}")
        board.say(f"  full log: {failure.log}")
        board.say(f"  to retry it alone: {_retry(typed, failure.name)}")
    if left:
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        board.say(f"\nnot started, for they need it: {', '.join(left[:5])}{more}")


def _retry(typed: Sequence[str], name: str) -> str:
    words, skipped = [], False
    for word in typed:
        if word == "--only" or skipped:
            skipped = not skipped
        elif not word.startswith("--only="):
            words.append(word)
    return shlex.join(["tricklift", *(words or ["run", "..."]), "--only", name])


def _failed(failures: Sequence[Failure]) -> JobFailed:
    code = USER_ERROR if all(failure.code == USER_ERROR for failure in failures) else 1
    if len(failures) > 1:
        names = ", ".join(failure.name for failure in failures)
        return JobFailed(f"{len(failures)} jobs failed: {names}", code)
    (one,) = failures
    return JobFailed(f"job {one.name} failed: {one.words} (full log: {one.log})", code)


def check_tier(tier: Tier, out: Path) -> None:
    """Refuses a folder with runs of another tier, which these would move away: names are shared."""
    asked = graph.tier_of(out)
    found = [asked] if asked in names() else []
    results = sorted(out.glob(f"*/*/seed*/{RESULT_FILE}"))
    found += [read_json(file).get("tier") for file in results]
    for name in found:
        if name and name != tier.name:
            raise UserError(f"{out} holds the tier {name}, not {tier.name}; give another --out")


def check_data(jobs: Sequence[Job], root: str | Path) -> None:
    """Refuses to start where a data set of the jobs is not there, or not whole."""
    from tricklift.data import prepare

    trainings = [job for job in jobs if isinstance(job, Training)]
    for name in dict.fromkeys(name for job in trainings for name in job.data):
        if name not in prepare.NAMES:
            if not (Path(root) / name).is_dir():
                raise MissingFileError(
                    f"no data folder {Path(root) / name}, which the tier names; "
                    "put the data there, or correct --root"
                )
            continue
        problem = prepare.missing(name, root)
        if problem:
            raise UserError(f"{problem}; run 'tricklift prepare {name} --root {root}'")


def note_command(out: str | Path, arguments: Sequence[str]) -> None:
    """Adds what was typed to `out/commands.json`, for the page that `compare` writes."""
    file = Path(out) / COMMANDS_FILE
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with lock.alone(file.with_name(f".{file.name}.lock")):
        try:
            entries = plain_files.read_json(file)
        except UserError:
            entries = []
        entries = entries if isinstance(entries, list) else []
        entries.append({"command": shlex.join(["tricklift", *arguments]), "started": now})
        write_text(file, json.dumps(entries, indent=2) + "\n")
