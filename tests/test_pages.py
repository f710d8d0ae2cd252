"""Pages of results are what `tricklift compare` makes of the result files beside them."""

from pathlib import Path

import pytest

from tricklift.tables.compare import compare
from tricklift.tables.page import render

PAGES = ("mini", "small")


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_written_from_the_result_files(repo: Path, name: str):
    folder = repo / "docs" / "results" / name
    rows, records = compare(folder)
    assert all(record.done for record in records)
    assert render(rows, records, "md", folder) == folder.with_suffix(".md").read_text()
