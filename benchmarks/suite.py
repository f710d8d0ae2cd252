"""Which benches there are, running them, and keeping what they found."""

import json
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import downstream, growth, index, inputs, step
from benchmarks.measure import Finding, Progress, prefixed
from tricklift.errors import UserError, did_you_mean
from tricklift.records.atomic import write_text

#: Name on the command line -> what runs; each takes the data root and a sink for progress lines.
BENCHES: dict[str, list[Callable[[Path, Progress], list[Finding]]]] = {
    "input": [inputs.bench],
    "step": [lambda root, say: step.bench(say), lambda root, say: step.bench_runner(say)],
    "det": [lambda root, say: downstream.bench_det(say)],
    "seg": [lambda root, say: downstream.bench_seg(say)],
    "index": [lambda root, say: index.bench(say)],
    "growth": [growth.bench],
}
ALL = "all"
RESULTS = "findings.json"


def chosen(name: str) -> list[str]:
    """The benches that a name on the command line stands for.

    Raises:
        UserError: Unknown name.
    """
    known = [*BENCHES, ALL]
    if name not in known:
        hint = did_you_mean(name, known)
        raise UserError(f"unknown bench {name!r}; known: {', '.join(known)}{hint}")
    return list(BENCHES) if name == ALL else [name]


def run(
    name: str, root: Path, out: Path, say: Progress, resume: bool = False
) -> list[dict[str, Any]]:
    """Measure, and keep each bench's findings as soon as it is through.

    Args:
        name: A key of `BENCHES`, or `all`.
        root: Data root.
        out: Folder; `findings.json` in it keeps the newest findings of every bench.
        say: Gets lines of progress.
        resume: Take what is kept of this machine and these versions instead of measuring again.

    Returns:
        The findings of the chosen benches.
    """
    measured = []
    for bench in chosen(name):
        kept = stored(out).get(bench)
        if resume and kept and kept["machine"] == machine():
            say(f"{bench}: kept from {kept['measured']}")
            measured += kept["findings"]
            continue
        found = [finding for part in BENCHES[bench] for finding in part(root, prefixed(bench, say))]
        fresh = [finding.as_dict() for finding in found]
        keep(out, bench, fresh)
        measured += fresh
    return measured


def keep(out: Path, bench: str, findings: list[dict[str, Any]]) -> None:
    """Put a bench's findings into the folder's file, in the place of older ones."""
    kept = stored(out)
    kept[bench] = {"findings": findings, "measured": now(), "machine": machine()}
    kept = {name: kept[name] for name in BENCHES if name in kept}
    write_text(out / RESULTS, json.dumps(kept, indent=2) + "\n")


def stored(out: Path) -> dict[str, Any]:
    """Bench -> `{findings, measured, machine}`, as kept in a folder; {} where nothing is.

    Raises:
        UserError: The file cannot be read.
    """
    file = out / RESULTS
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"{file} is not readable ({error}); remove it") from error


def machine() -> dict[str, Any]:
    """What it is measured on."""
    from tricklift.records.machine import machine as computer

    return {**computer(), "python": platform.python_version()}


def now() -> str:
    """Date and time, UTC."""
    return datetime.now(UTC).isoformat(timespec="minutes")
