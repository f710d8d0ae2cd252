"""Top-1 against what the same weights reach downstream, with intervals on both sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from tricklift.report.figures import MARKERS, SERIES, canvas, heading, inline
from tricklift.tables.ranks import Interval

#: Of one row in the legend.
LEGEND_INCHES = 0.21


@dataclass(frozen=True)
class Panel:
    """One metric downstream.

    Attributes:
        title: Of the column.
        points: Label -> (top-1, the metric).
        said: The rank correlation in words.
    """

    title: str
    points: Mapping[str, tuple[Interval, Interval]]
    said: str


def scatter(panels: Sequence[Panel], name: str) -> Markup:
    """One panel a metric; a row has one colour and mark in all of them."""
    labels = list(dict.fromkeys(label for panel in panels for label in panel.points))
    looks = {
        label: (SERIES[place % len(SERIES)], MARKERS[(place + place // len(SERIES)) % len(MARKERS)])
        for place, label in enumerate(labels)
    }
    figure, found = canvas(
        9.6, max(3.9, LEGEND_INCHES * len(labels)), columns=len(panels), squeeze=False
    )
    for axes, panel in zip(found[0], panels, strict=True):
        heading(axes, f"{panel.title} against top-1")
        axes.grid()
        axes.set_xlabel("top-1, %")
        for label, (top1, metric) in panel.points.items():
            _point(axes, top1, metric, *looks[label])
    handles = [
        figure.axes[0].plot([], [], linestyle="", marker=mark, color=colour, label=label)[0]
        for label, (colour, mark) in looks.items()
    ]
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=9)
    said = " ".join(f"{panel.title}: {panel.said}." for panel in panels)
    description = f"One point a row, bars are 95 % intervals. {said}"
    return inline(figure, name, "Top-1 against transfer", description, caption=said)


def _point(axes: Any, top1: Interval, metric: Interval, colour: str, mark: str) -> None:
    if top1.low is not None:
        axes.plot([top1.low, top1.high], [metric.value] * 2, color=colour, alpha=0.45)
    if metric.low is not None:
        axes.plot([top1.value] * 2, [metric.low, metric.high], color=colour, alpha=0.45)
    axes.plot(top1.value, metric.value, mark, color=colour, markersize=8)
