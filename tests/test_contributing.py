"""What CONTRIBUTING.md names is there."""

import re
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "CONTRIBUTING.md").read_text()


def test_files_and_folders_exist(repo: Path, page: str):
    named = set(re.findall(r"`([\w.-]+/[\w./-]*)`", page))
    assert len(named) > 30
    left_out = {name for name in named if re.search(r"\b[A-Z]{4,}\b", name)}  # such as FAMILY.py
    assert [name for name in sorted(named - left_out) if not (repo / name).exists()] == []


def test_names_in_files_exist(repo: Path, page: str):
    pairs = re.findall(r"`(\w+)` in `([\w./]+\.py)`", page)
    assert len(pairs) >= 6
    for name, file in pairs:
        assert re.search(rf"^(class |def )?{name}\b", (repo / file).read_text(), re.M), (name, file)
