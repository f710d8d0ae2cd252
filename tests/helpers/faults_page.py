"""What `make faults` came to, as the part of docs/reliability.md between two marks."""

import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->"
#: Tests (a file, a folder, or `file::test`) -> what is done to a run or a reader, and what was
#: promised. The first that fits takes a test.
PROMISES = {
    "tests/faults/test_kills.py::test_twenty_kills": (
        "SIGKILL at any moment, up to three times a run",
        "ends bit for bit as one that was never stopped",
    ),
    "tests/faults/test_kills.py::test_saved_and_killed_within_an_epoch": (
        "a checkpoint saved within an epoch, then SIGKILL",
        "the same",
    ),
    "tests/faults/test_kills.py::test_two_processes": (
        "two processes, one of them killed",
        "the same",
    ),
    "tests/faults/test_kills.py": ("a share of the kills, as at each commit", "the same"),
    "tests/faults/test_long_run.py": (
        "50,000 steps",
        "memory, open files, checkpoints and logs stay bounded",
    ),
    "tests/hostile/test_hostile.py": (
        "a hostile file",
        "one line; no code runs, nothing outside the folder, under 10 s and 1 GiB",
    ),
    "tests/hostile/test_fuzzing.py": ("random files for the readers", "a value or one error each"),
    "tests/tricklift/data/test_pictures.py": (
        "pictures of every kind, for every reader",
        "read right, or refused by name, or skipped and counted",
    ),
    "tests/det": ("annotations of boxes as programs write them", "the same"),
    "tests/seg": ("masks as programs write them, batches of 1", "the same"),
    "tests": (
        "a silent wrong number, planted",
        "refused, or mended and counted, or the right number",
    ),
}


class Line(NamedTuple):
    """One line of the table: tests of one promise."""

    fault: str
    promise: str
    tried: int
    kept: int
    seconds: float


def place_of(nodeid: str) -> str:
    """The key of `PROMISES` that a test belongs to."""
    return next(key for key in PROMISES if nodeid == key or re.match(rf"{key}(?:/|::|\[)", nodeid))


def lines(reports: Iterable[pytest.TestReport]) -> list[Line]:
    """Tests by their promise; a skipped one was not tried."""
    found: dict[str, list[pytest.TestReport]] = {key: [] for key in PROMISES}
    for report in reports:
        if not report.skipped:
            found[place_of(report.nodeid)].append(report)
    return [
        Line(
            *PROMISES[key],
            sum(tried(it) for it in its),
            sum(tried(it) for it in its if it.passed),
            sum(it.duration for it in its),
        )
        for key, its in found.items()
        if its
    ]


def tried(report: pytest.TestReport) -> int:
    """How many faults a test planted: what it recorded as `faults`, else one."""
    return int(dict(report.user_properties).get("faults", 1))


def section(found: list[Line]) -> str:
    """The lines between the marks."""
    all_tried, all_kept = sum(it.tried for it in found), sum(it.kept for it in found)
    rows = "".join(
        f"| {it.fault} | {it.promise} | {it.tried} | {it.kept} | {it.seconds:.0f} |\n"
        for it in found
    )
    machine = f"{os.cpu_count()} CPU cores, torch {torch.__version__}"
    return (
        f"{all_tried:,} faults, {all_kept:,} promises kept, {all_tried - all_kept} broken.\n"
        f"Written by `make faults` on {machine}, Python {platform.python_version()};\n"
        "seconds are those of the tests, two of which run at a time.\n\n"
        "| fault | promised | tried | kept | seconds |\n| --- | --- | --- | --- | --- |\n"
        f"{rows}"
    )


def write(page: Path, reports: Iterable[pytest.TestReport]) -> None:
    """Puts the section into the page.

    Raises:
        ValueError: The page lacks the marks.
    """
    before, begun, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"{page} has no lines {BEGIN.strip()!r} and {END!r}")
    page.write_text(f"{before}{BEGIN}{section(lines(reports))}{END}{after}", encoding="utf-8")
