"""What each row reaches: its mean with an interval, and each pretraining behind it."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from tricklift.report.figures import INK, METRIC_COLOURS, MUTED, PAPER, canvas, heading, inline
from tricklift.tables.columns import Column
from tricklift.tables.ranks import Interval

ROW_INCHES = 0.36
Pair = tuple[str, str]
#: A column, and the mean and interval of each of its rows.
Reached = tuple[Column, Mapping[str, Interval]]
#: Random init is drawn at the edge where it is as many times as far away as the rest is wide.
FAR = 0.5
BEYOND = "◂"
JOINED = "Joined: steps of the ladder."


def levels(
    labels: Sequence[str],
    table: Sequence[Reached],
    baseline: str,
    steps: Sequence[Pair],
    name: str,
) -> Markup:
    """One panel a column, one line a row from top to bottom; steps are joined.

    Args:
        labels: Rows, the first on top.
        table: Columns, each with the mean and interval of its rows.
        baseline: Its mean is a line through the panel.
        steps: Rows and the ones below them in the ladder, without random init.
        name: Of the figure.
    """
    height = ROW_INCHES * len(labels) + 0.95
    figure, panels = canvas(9.6, height, columns=len(table), sharey=True, squeeze=False)
    far = False
    for panel, (column, means) in zip(panels[0], table, strict=True):
        far |= _panel(panel, labels, column, means, baseline, steps)
    panels[0][0].set_yticks(range(len(labels)), labels)
    panels[0][0].set_ylim(len(labels) - 0.5, -0.5)
    for text in panels[0][0].get_yticklabels():
        text.set_color(INK)
    told = {JOINED: steps, f"{BEYOND} beyond the panel's left edge, at this value.": far}
    caption = " ".join(text for text, is_so in told.items() if is_so)
    return inline(figure, name, "What each row reaches", _description(table), caption)


def _panel(
    panel: Any,
    labels: Sequence[str],
    column: Column,
    means: Mapping[str, Interval],
    baseline: str,
    steps: Sequence[Pair],
) -> bool:
    """Whether a row is beyond its left edge."""
    colour = METRIC_COLOURS[column.metric]
    heading(panel, column.title)
    panel.grid(axis="x")
    if baseline in means:
        panel.axvline(means[baseline].value, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    for pair in steps:
        if all(label in means for label in pair):
            values = [means[label].value for label in pair]
            panel.plot(values, list(map(labels.index, pair)), color=MUTED, linewidth=1, alpha=0.6)
    far = _far(column, means)
    for place, label in enumerate(labels):
        if label not in means:
            continue
        found, each = means[label], column.observations[label].each
        if label in far:
            text = f"{BEYOND} {found.value:.1f}"
            where, behind = panel.get_yaxis_transform(), {"facecolor": PAPER, "linewidth": 0}
            panel.text(0, place, text, color=colour, va="center", fontsize=8.5, transform=where,
                       bbox={**behind, "pad": 1})  # fmt: skip
            continue
        if len(each) > 1:
            panel.plot(each, [place] * len(each), "|", color=colour, alpha=0.55, markersize=7)
        if found.low is not None:
            panel.plot([found.low, found.high], [place, place], color=colour, linewidth=2)
        panel.plot(found.value, place, "o", color=colour, markersize=6)
    return bool(far)


def _far(column: Column, means: Mapping[str, Interval]) -> list[str]:
    """Rows without pretraining that lie so low that the others would not be told apart."""
    near = [label for label in means if column.lines[label].pretrained]
    if len(near) < 2:
        return []
    values = [value for label in near for value in column.observations[label].each]
    edge = min(values) - FAR * (max(values) - min(values))
    return [label for label in means if label not in near and means[label].value < edge]


def _description(table: Sequence[Reached]) -> str:
    """The best row of each column, and the range."""
    told = []
    for column, means in table:
        if means:
            best = max(means, key=lambda label: means[label].value)
            low = min(found.value for found in means.values())
            text = f"{column.title} from {low:.1f} to {means[best].value:.1f}, highest {best}"
            told.append(text)
    return f"One panel a metric, one line a row, in percent. {'; '.join(told)}."
