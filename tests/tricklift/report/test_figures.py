"""Figures are SVG inside a page: their own ids, the page's colours, text that stays text."""

import re
from xml.etree import ElementTree

import pytest

from tricklift.report.figures import COLOURS, MARKERS, SERIES, canvas, heading, inline, svg
from tricklift.report.html import source

NAME = '<b>&"row"</b> $\\bad{$ id="a" #0072b2'


@pytest.fixture
def figure():
    made, axes = canvas(9, 4)
    for colour, mark in zip(SERIES, MARKERS, strict=True):
        axes.plot([0, 1], [0, 1], mark, color=colour, label=NAME)
    axes.set_yticks([0, 1], [NAME, "other"])
    axes.legend()
    heading(axes, NAME)
    return made


def test_names_stay_as_they_are(figure):
    root = ElementTree.fromstring(svg(figure, "one", NAME, NAME))
    texts = [it.text for it in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count(NAME) == 2 + len(SERIES)
    assert [root[0].text, root[1].text] == [NAME, NAME]


def test_two_figures_share_no_id_and_refer_to_their_own(figure):
    held = []
    for name in ("one", "two"):
        text = str(svg(figure, name, "t", "d"))
        ids = set(re.findall(r'\sid="([^"]+)"', re.sub(r"<text.*?</text>", "", text)))
        used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
        assert {a or b for a, b in used} <= ids
        held.append(ids)
    assert held[0] and not held[0] & held[1]


def test_every_colour_is_a_variable_of_both_themes(figure):
    text = re.sub(r"<text.*?</text>|<title.*?</desc>", "", str(svg(figure, "one", "t", "d")))
    colours = re.findall(r"(var\((--[\w-]+), )?(#[0-9a-fA-F]{6})", text)
    assert colours
    for _, variable, colour in colours:
        assert COLOURS[colour.lower()] == variable
    for colour, variable in COLOURS.items():
        # light theme's colours are those that figures are drawn in
        assert f"{variable}: light-dark({colour}, #" in source("style.css")


def test_it_is_told_and_can_be_saved(figure):
    text = str(inline(figure, "one", "A title", "A description"))
    assert 'aria-labelledby="one-title one-desc"' in text
    assert 'data-save="one.svg"' in text
    assert "<style" not in text  # it would be the page's
