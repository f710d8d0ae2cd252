"""Loss, rate and metric over the iterations of runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from tricklift.report.figures import LINE, MARKERS, SERIES, canvas, heading, inline, svg
from tricklift.report.scalars import Curves, Points

#: Beside each colour: more rows than colours are told apart by these.
STYLES = ("-", "--", ":", "-.")


def curves(
    rows: Mapping[str, Sequence[Curves]], places: Mapping[str, int], name: str, title: str
) -> Markup:
    """A panel each for loss, rate and metric; a colour a row, a line a run.

    Args:
        rows: Label -> curves of its runs; all of one task.
        places: Label -> number of its look, so that it is the same in the figures of other tasks.
        name: Of the figure.
        title: Of the figure.
    """
    figure = drawn(rows, places)
    ends = [
        f"{label} {sum(last) / len(last):.1f}"
        for label, runs in rows.items()
        if (last := [run.metric[-1][1] for run in runs if run.metric])
    ]
    named = next(run.named for runs in rows.values() for run in runs)
    description = f"Three panels over iterations. {named} at the end: {', '.join(ends) or 'none'}."
    return inline(figure, name, title, description, caption="A line is a run, a colour a row.")


def of_run(run: Curves, name: str, title: str) -> Markup:
    """The curves of one run, as SVG alone."""
    last = f"{run.named} {run.metric[-1][1]:.1f} at the end" if run.metric else "no validation"
    return svg(drawn({title: [run]}, {title: 0}, legend=False), name, title,
               f"Over iterations: {last}.")  # fmt: skip


def drawn(
    rows: Mapping[str, Sequence[Curves]], places: Mapping[str, int], legend: bool = True
) -> Any:
    """The figure of `curves`."""
    lines = -(-len(rows) // 3) if legend else 0
    figure, panels = canvas(9.6, 2.5 + 0.22 * lines, columns=3)
    handles: dict[str, Any] = {}
    for label, runs in rows.items():
        place = places[label]
        look = {
            "color": SERIES[place % len(SERIES)],
            "linestyle": STYLES[place // len(SERIES) % len(STYLES)],
            "linewidth": 1.3,
        }
        for run in runs:
            for panel, points in zip(panels, run.parts().values(), strict=True):
                handles[label] = _line(panel, points, look, place) or handles.get(label)
    titles = next(run for runs in rows.values() for run in runs).parts()
    for panel, title in zip(panels, titles, strict=True):
        heading(panel, title)
        panel.grid(axis="y", color=LINE)
        panel.margins(x=0.02)
        panel.set_xlim(left=0)
        panel.yaxis.set_major_formatter("{x:g}")
        panel.locator_params(axis="x", nbins=4)
        panel.set_xlabel("iterations")
    if legend:
        known = {label: handle for label, handle in handles.items() if handle is not None}
        figure.legend(known.values(), known, loc="outside lower left", ncols=3, frameon=False)
    return figure


def _line(panel: Any, points: Points, look: Mapping[str, Any], place: int) -> Any:
    """A line; of few points each has a mark."""
    if not points:
        return None
    marks = {"marker": MARKERS[place % len(MARKERS)], "markersize": 4} if len(points) < 12 else {}
    return panel.plot(*zip(*points, strict=True), **look, **marks)[0]
