"""README: one screen, its table is the one of its page, and the files that pages name are there."""

import re
from pathlib import Path


def test_it_is_one_screen(repo: Path):
    assert len((repo / "README.md").read_text().splitlines()) < 90


def test_its_table_is_the_one_of_the_page(repo: Path):
    page = (repo / "docs" / "results" / "demo.md").read_text()
    readme = (repo / "README.md").read_text()
    copied = re.search(r"<!-- table: docs/results/demo.md -->\n(.*?)\n<!-- end", readme, re.S)
    assert copied and copied[1].strip() in page
    assert "| B-standard |" in copied[1]


def test_it_shows_how_it_works_what_it_writes_and_what_it_found(repo: Path):
    shown = re.findall(r"!\[[^]]+\]\(docs/images/([\w.]+)\)", (repo / "README.md").read_text())
    assert shown == ["pipeline.svg", "report.png", "small.png"]


def test_files_that_are_named_exist(repo: Path):
    named = set(
        re.findall(r"`([\w/.-]+\.(?:py|yaml))`", (repo / "docs/how-it-works.md").read_text())
    )
    assert len(named) >= 20
    assert [file for file in sorted(named) if not (repo / file).is_file()] == []
