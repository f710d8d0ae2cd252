"""How single classes differ between two rows."""

from collections.abc import Mapping

from markupsafe import Markup

from tricklift.report.figures import INK, LINE, MUTED, SERIES, canvas, inline
from tricklift.report.wording import signed

#: Of the largest gains, and of the largest losses, where there are more classes.
MOST = 15
ROW_INCHES = 0.27


def classes(
    values: Mapping[str, tuple[float, float]], rows: tuple[str, str], metric: str, name: str
) -> Markup:
    """A line a class from one row's value to the other's, the largest gain on top.

    Args:
        values: Class -> value of the baseline, value of the row.
        rows: The baseline's label, and the row's.
        metric: What is drawn: `AP`, `IoU`.
        name: Of the figure.
    """
    order = sorted(values, key=lambda it: values[it][0] - values[it][1])
    shown = order if len(order) <= 2 * MOST else order[:MOST] + order[-MOST:]
    figure, axes = canvas(9.6, ROW_INCHES * len(shown) + 1.0)
    axes.grid(axis="x")
    for place, of_class in enumerate(shown):
        before, after = values[of_class]
        axes.plot([before, after], [place, place], color=LINE, linewidth=3, zorder=1)
        axes.plot(before, place, "o", color=MUTED, markersize=5.5, zorder=2)
        axes.plot(after, place, "D", color=SERIES[0], markersize=6, zorder=3)
    axes.set_yticks(range(len(shown)), shown)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlabel(f"{metric}, %")
    for text in axes.get_yticklabels():
        text.set_color(INK)
    axes.plot([], [], "o", color=MUTED, label=rows[0])
    axes.plot([], [], "D", color=SERIES[0], label=rows[1])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0.2)
    ends = [f"{it} {signed(values[it][1] - values[it][0])}" for it in (shown[0], shown[-1])]
    left = f" Of {len(order)} classes, those that differ most." if len(shown) < len(order) else ""
    description = (
        f"From {rows[0]} to {rows[1]}, by class; from {ends[0]} to {ends[1]} points.{left}"
    )
    caption = f"{rows[1]} beside {rows[0]}.{left}"
    return inline(figure, name, f"{metric} by class", description, caption)
