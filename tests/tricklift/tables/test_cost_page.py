"""What Tables 8 and 9 cost on three cards, and the page that says so."""

import pytest

from tricklift.errors import UserError
from tricklift.paper.cards import CARDS, hours, newer_software
from tricklift.paper.gpu_hours import gpu_hours
from tricklift.tables import cost_page


def test_a_v100_costs_what_the_paper_says_and_newer_cards_less():
    half, single = "cls/full/resnet50_d-efficient", "cls/full/resnet50_b-standard"
    for name in (half, single):
        v100, a100, h100 = (hours(name, card) for card in CARDS)
        assert v100 == gpu_hours(name) and v100 > a100 > h100
    # 15977 / 7608 and 7365 / 2851 images a second; 14.4 / 7.8 minutes
    assert hours(half, "V100") / hours(half, "A100") == pytest.approx(2.10, abs=0.005)
    assert hours(single, "V100") / hours(single, "A100") == pytest.approx(2.58, abs=0.005)
    assert hours(half, "A100") / hours(half, "H100") == pytest.approx(1.85, abs=0.005)


def test_newer_software_is_faster_than_the_papers_on_its_own_cards():
    # 7608 and 2851 images a second beside 1,281,167 in 4.4 and in 13.3 minutes
    assert newer_software() == pytest.approx((1.57, 1.78), abs=0.01)


def test_every_run_of_both_tables_is_counted_once():
    names = cost_page.configs()
    assert len(names) == len(set(names)) == 2 + 7 + 4 * 7
    counted = [n for n in names for start in cost_page.STAGES.values() if n.startswith(start)]
    assert sorted(counted) == sorted(names)


def test_the_page_is_what_its_command_writes(repo, tmp_path):
    page = repo / "docs" / "cluster.md"
    copy = tmp_path / "cluster.md"
    text = page.read_text()
    before, rest = text.split(cost_page.BEGIN)
    copy.write_text(f"{before}{cost_page.BEGIN}{cost_page.END}{rest.split(cost_page.END)[1]}")
    cost_page.write(copy)
    assert copy.read_text() == text


def test_a_page_without_the_marks_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("mine")
    with pytest.raises(UserError, match="cost: begin"):
        cost_page.write(page)
    assert page.read_text() == "mine"
