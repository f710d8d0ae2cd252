"""The transfer table as a picture: one panel a metric, one line a row, a dot a run."""

from collections.abc import Sequence
from pathlib import Path

from tricklift.errors import UserError
from tricklift.records.atomic import replacing
from tricklift.tables.columns import extended, labels
from tricklift.tables.compare import COLUMNS, TASKS, TITLES, Line

#: Colours that are told apart by all (Okabe and Ito).
DOT, MEAN = "#56B4E9", "#D55E00"
ROW_INCHES, PANEL_INCHES = 0.42, 3.0


def plot(lines: Sequence[Line], file: str | Path) -> Path:
    """Draws the mean of each row with its standard deviation, over the single runs.

    Means of a reference's rows are hollow.

    Args:
        lines: Rows, the first one on top.
        file: PNG, SVG or PDF, by its suffix; written whole or not at all.

    Raises:
        UserError: No row has a metric, or matplotlib does not know the suffix.
    """
    from matplotlib.figure import Figure  # an object of its own: no window system is asked for

    metrics = [name for name in COLUMNS if any(line.observations(name) for line in lines)]
    if not metrics:
        raise UserError("nothing to draw: no finished run has a metric; let one end first")
    size = (PANEL_INCHES * len(metrics) + 1.5, ROW_INCHES * len(lines) + 1.0)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for panel, metric in zip(panels, metrics, strict=True):
        for place, line in enumerate(lines):
            seen = line.observations(metric)
            if seen:
                told = seen.summary()
                panel.plot(seen.each, [place] * len(seen.each), "o", color=DOT, alpha=0.6)
                style = {"mfc": "white"} if line.first.reference else {}
                width = told["std"] or 0.0
                panel.errorbar(told["mean"], place, xerr=width, fmt="D", color=MEAN, **style)
        panel.set_title(f"{TITLES[metric]} (%)")
        panel.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(lines)), names(lines))
    panels[0].invert_yaxis()
    with replacing(file) as temporary:
        figure.savefig(temporary, dpi=120)
    return Path(file)


def names(lines: Sequence[Line]) -> list[str]:
    """What rows are called, told apart; with heads where one has several.

    Such as `random init (resnet18_b)`, `D-efficient (faster_rcnn_c4)`.
    """
    return [_with_heads(name, line) for name, line in zip(labels(lines), lines, strict=True)]


def _with_heads(name: str, line: Line) -> str:
    heads = [line.head(task) for task in TASKS if task in line.several]
    named = ", ".join(head for head in heads if head)
    return extended(name, named) if named else name
