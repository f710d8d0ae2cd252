"""What each row reaches: its mean with an interval, and each pretraining behind it."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from tricklift.report.figures import INK, LINE, METRIC_COLOURS, MUTED, canvas, heading, inline
from tricklift.tables.columns import Column
from tricklift.tables.compare import ladder
from tricklift.tables.ranks import Interval

ROW_INCHES = 0.36


def levels(
    labels: Sequence[str],
    table: Sequence[tuple[Column, Mapping[str, Interval]]],
    baseline: str,
    name: str,
) -> Markup:
    """One panel a column, one line a row from top to bottom; a ladder's rows are joined.

    Args:
        labels: Rows, the first on top.
        table: Columns, each with the mean and interval of its rows.
        baseline: Its mean is a line through the panel.
        name: Of the figure.
    """
    height = ROW_INCHES * len(labels) + 0.75
    figure, panels = canvas(9.6, height, columns=len(table), sharey=True, squeeze=False)
    for panel, (column, means) in zip(panels[0], table, strict=True):
        _panel(panel, labels, column, means, baseline)
    panels[0][0].set_yticks(range(len(labels)), labels)
    panels[0][0].set_ylim(len(labels) - 0.5, -0.5)
    for text in panels[0][0].get_yticklabels():
        text.set_color(INK)
    return inline(figure, name, "What each row reaches", _description(table))


def _panel(
    panel: Any,
    labels: Sequence[str],
    column: Column,
    means: Mapping[str, Interval],
    baseline: str,
) -> None:
    colour = METRIC_COLOURS[column.metric]
    heading(panel, column.title)
    panel.grid(axis="x")
    if baseline in means:
        panel.axvline(means[baseline].value, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    rungs = [
        (means[label].value, place)
        for place, label in enumerate(labels)
        if label in means and column.lines[label].first["row"] in ladder()
    ]
    if len(rungs) > 1:
        panel.step(*zip(*rungs, strict=True), where="mid", color=LINE, linewidth=1.2)
    for place, label in enumerate(labels):
        if label not in means:
            continue
        found, each = means[label], column.observations[label].each
        if len(each) > 1:
            panel.plot(each, [place] * len(each), "|", color=colour, alpha=0.55, markersize=7)
        if found.low is not None:
            panel.plot([found.low, found.high], [place, place], color=colour, linewidth=2)
        panel.plot(found.value, place, "o", color=colour, markersize=6)


def _description(table: Sequence[tuple[Column, Mapping[str, Interval]]]) -> str:
    """The best row of each column, and the range."""
    told = []
    for column, means in table:
        if means:
            best = max(means, key=lambda label: means[label].value)
            low = min(found.value for found in means.values())
            text = f"{column.title} from {low:.1f} to {means[best].value:.1f}, highest {best}"
            told.append(text)
    return f"One panel a metric, one line a row, in percent. {'; '.join(told)}."
