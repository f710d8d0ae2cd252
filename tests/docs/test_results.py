"""Pages of docs/results are what `compare` writes of the results that are kept beside them."""

import re
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


# A gain and its interval, as pages and prose write them: "+8.0 top-1 [7.1, 8.9]".
FIGURE = r"([+-]?\d+\.\d+)"
GAIN = re.compile(rf"{FIGURE}(?: (?:top-1|mAP|pixAcc|mIoU))? \[{FIGURE}, {FIGURE}\]")


def gains(page: Path) -> list[tuple[float, ...]]:
    text = re.sub(r"\s+", " ", page.read_text(encoding="utf-8"))
    return [tuple(float(figure) for figure in found) for found in GAIN.findall(text)]


@pytest.mark.parametrize("page", ["README.md", "docs/results/README.md"])
def test_gains_in_prose_are_those_of_a_page(repo: Path, page):
    """To the digits that the prose has; what a row loses to another, that one gains."""
    known = [gain for name in KEPT for gain in gains(RESULTS / f"{name}.md")]
    known += [(-middle, -high, -low) for middle, low, high in known]
    said = gains(repo / page)
    assert len(said) >= 8
    for gain in said:
        # Prose rounds the value, pages its second digit: together up to 0.055.
        assert any(
            all(abs(a - b) < 0.0551 for a, b in zip(gain, other, strict=True)) for other in known
        ), gain
