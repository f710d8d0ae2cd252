"""Wall time of each row, by task."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from tricklift.report.figures import INK, TASK_COLOURS, canvas, inline
from tricklift.tables.costs import Cost

ROW_INCHES = 0.34


def cost(found: Sequence[Cost], tasks: Mapping[str, str], name: str) -> Markup:
    """Bars of the mean hours of a run, one part a task, beside one another.

    Args:
        found: In the order of the rows.
        tasks: Task -> what it is called.
        name: Of the figure.
    """
    rows = list(dict.fromkeys(it.row for it in found))
    longest = max(it.wall_hours for it in found)
    unit, factor = ("hours", 1.0) if longest >= 1 else ("minutes", 60.0)
    figure, axes = canvas(9.6, ROW_INCHES * len(rows) + 1.0)
    axes.grid(axis="x")
    starts = dict.fromkeys(rows, 0.0)
    for task, title in tasks.items():
        mine = [it for it in found if it.task == task]
        if not mine:
            continue
        places = [rows.index(it.row) for it in mine]
        widths = [it.wall_hours * factor for it in mine]
        lefts = [starts[it.row] for it in mine]
        axes.barh(places, widths, 0.55, left=lefts, color=TASK_COLOURS[task], label=title)
        for it, width in zip(mine, widths, strict=True):
            starts[it.row] += width
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f"wall time of one run of each task, {unit}")
    for text in axes.get_yticklabels():
        text.set_color(INK)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)
    most = max(starts, key=lambda row: starts[row])
    description = f"Stacked bars, one a row; the longest is {most}, {starts[most]:.1f} {unit}."
    return inline(figure, name, "Wall time of each row", description)
