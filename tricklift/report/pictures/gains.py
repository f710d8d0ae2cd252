"""Differences with their intervals, and the paper's beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from tricklift.report.figures import INK, METRIC_COLOURS, MUTED, PAPER, canvas, heading, inline
from tricklift.report.wording import told
from tricklift.tables.differences import Difference
from tricklift.tables.families import Family

Pair = tuple[str, str]
ROW_INCHES = 0.4


def gains(
    pairs: Mapping[Pair, str],
    families: Sequence[Family],
    papers: Mapping[Pair, Mapping[str, float]],
    name: str,
    title: str,
) -> Markup:
    """One panel a column, one line a pair; filled where it is decided, hollow where it is not.

    Args:
        pairs: Rows and what they are compared with, the first on top -> what the line is called.
        families: Of one kind, one a column.
        papers: Pair -> metric -> the paper's gain, where it has both rows.
        name: Of the figure.
        title: What it shows.
    """
    height = ROW_INCHES * len(pairs) + 0.95
    figure, panels = canvas(9.6, height, columns=len(families), sharey=True, squeeze=False)
    for panel, family in zip(panels[0], families, strict=True):
        _panel(panel, list(pairs), family, papers)
    panels[0][0].set_yticks(range(len(pairs)), list(pairs.values()))
    panels[0][0].set_ylim(len(pairs) - 0.5, -0.5)
    for text in panels[0][0].get_yticklabels():
        text.set_color(INK)
    described = [
        f"{family.title}, {pairs[it.row, it.against]}: {told(it, family.title)}"
        for family in families
        for it in family.differences
        if (it.row, it.against) in pairs and it.decided
    ]
    found = f"Decided: {'; '.join(described)}" if described else "None is decided"
    description = f"Differences in points, one panel a metric, one line a step. {found}."
    return inline(figure, name, title, description, caption=_caption(bool(papers)))


def _caption(papers: bool) -> str:
    text = "Filled: decided. Hollow: not. Bars: 95 % intervals."
    return text + (" Diamonds: the paper, ResNet-50 on its own data." if papers else "")


def _panel(
    panel: Any,
    pairs: Sequence[Pair],
    family: Family,
    papers: Mapping[Pair, Mapping[str, float]],
) -> None:
    colour = METRIC_COLOURS[family.metric]
    heading(panel, family.title)
    panel.axvline(0, color=MUTED, linewidth=0.9)
    panel.grid(axis="x")
    found = {(it.row, it.against): it for it in family.differences}
    for place, pair in enumerate(pairs):
        if pair in found:
            _mark(panel, place, found[pair], colour)
        if pair in papers:
            style = {"marker": "D", "markersize": 5, "markeredgewidth": 1.2, "linestyle": ""}
            panel.plot(
                papers[pair][family.metric],
                place + 0.24,
                markerfacecolor=PAPER,
                markeredgecolor=MUTED,
                **style,
            )
    panel.margins(x=0.12)


def _mark(panel: Any, place: int, found: Difference, colour: str) -> None:
    if found.low is not None:
        panel.plot([found.low, found.high], [place, place], color=colour, linewidth=2)
    panel.plot(
        found.mean,
        place,
        "o",
        markersize=7,
        markerfacecolor=colour if found.decided else PAPER,
        markeredgecolor=colour,
        markeredgewidth=1.6,
    )
