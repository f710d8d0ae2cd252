"""Pages of docs/results are what `compare` writes of the results that are kept beside them."""

from pathlib import Path

import pytest

from tricklift.tables.compare import compare
from tricklift.tables.page import render

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
KEPT = sorted(folder.name for folder in RESULTS.iterdir() if folder.is_dir())


def test_some_are_kept():
    assert {"demo", "cifar10"} <= set(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_a_page_is_made_of_its_results(name):
    rows, records = compare(RESULTS / name)
    assert all(record.done for record in records)
    assert render(rows, records, "md", RESULTS / name).strip() == (
        (RESULTS / f"{name}.md").read_text().strip()
    )


@pytest.mark.parametrize("name", KEPT)
def test_results_name_no_place_on_a_machine(name):
    for file in (RESULTS / name).rglob("*.json"):
        assert '"/' not in file.read_text(), file
