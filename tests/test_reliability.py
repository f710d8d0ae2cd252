"""The table of faults in docs/reliability.md names what is there, and counts its rows right."""

import ast
import functools
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

STATES = ("proven", "guarded", "open")


class Fault(NamedTuple):
    """A row: what goes wrong, its state, and what guards and proves it, as `file::name`."""

    number: int
    what: str
    state: str
    guard: str
    test: str


def rows(page: str) -> list[Fault]:
    section = page.split("\n## No silent wrong number\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (\d+) \| (.+?) \| (\w+) \| (.*?) \| (.*?) ?\|$", section, re.MULTILINE)
    return [Fault(int(number), *rest) for number, *rest in cells]


@functools.cache
def names(file: Path) -> frozenset[str]:
    """What a file defines at its top level, and the methods of its classes as `Class.method`."""
    found: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            parts = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            found |= {f"{node.name}.{part.name}" for part in parts}
            fields = [part for part in ast.walk(node) if isinstance(part, ast.Attribute)]
            found |= {f"{node.name}.{part.attr}" for part in fields if part.attr != "self"}
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            if isinstance(target, ast.Name):
                found.add(target.id)
    return frozenset(found)


def missing(repo: Path, cell: str) -> list[str]:
    """What a cell names in backticks as `file::name`, and is not there."""
    wrong = []
    for file, name in re.findall(r"`([\w./]+)::([\w.]+)`", cell):
        if not (repo / file).is_file() or name not in names(repo / file):
            wrong.append(f"{file}::{name}")
    return wrong


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "docs/reliability.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def faults(page: str) -> list[Fault]:
    return rows(page)


def test_forty_faults_at_least_each_once_and_in_order(page: str, faults: list[Fault]):
    assert len(faults) >= 40
    assert [fault.number for fault in faults] == list(range(1, len(faults) + 1))
    assert len({fault.what for fault in faults}) == len(faults)
    # a row that the pattern does not read would not be checked
    assert len(re.findall(r"^\| \d+ \|", page, re.MULTILINE)) == len(faults)


def test_the_counts_are_those_of_the_rows(page: str, faults: list[Fault]):
    found = Counter(fault.state for fault in faults)
    assert set(found) <= set(STATES)
    told = ", ".join(f"{found[state]} {state}" for state in STATES)
    assert f"{len(faults)} ways in which such benchmarks have gone wrong: {told}." in page
    assert f"of {len(faults)}\nways" in page and f", {found['proven']} are planted" in page


def test_guards_and_tests_are_there(repo: Path, faults: list[Fault]):
    for fault in faults:
        assert missing(repo, fault.guard + fault.test) == [], fault.what
        if fault.state == "open":
            assert (fault.guard, fault.test) == ("none yet", ""), fault.what
            continue
        assert "::" in fault.guard or fault.guard.startswith("mmengine"), fault.what
        assert re.fullmatch(r"`tests/[\w/]+/test_\w+\.py::test_\w+`", fault.test), fault.what


def test_what_is_not_there_is_seen(repo: Path):
    here = "tests/test_reliability.py"
    assert missing(repo, f"`{here}::rows` `{here}::STATES` `{here}::Fault`") == []
    wrong = [f"{here}::row", f"{here}::Fault.guards", "tests/test_gone.py::test_a"]
    assert missing(repo, " ".join(f"`{name}`" for name in wrong)) == wrong
