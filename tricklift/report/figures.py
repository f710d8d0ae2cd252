"""Figures: matplotlib's, as SVG inside the page, in the colours of its theme.

    figure, (left, right) = canvas(7, 3, columns=2)
    heading(left, "top-1")
    left.plot(x, y, color=SERIES[0])
    body = inline(figure, "ladder", "Gain of each step", "Seven steps; the largest is ...")

Colours are written as variables of the page's style with the light theme's value beside them, so
a figure changes with the theme and stands by itself when it is downloaded.
"""

import io
import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, register_namespace, tostring

from defusedxml.ElementTree import fromstring
from markupsafe import Markup

from tricklift.report.html import fill

#: Colour to draw with -> variable of `templates/style.css`, which has one for each theme.
COLOURS: Mapping[str, str] = {
    "#1c2024": "--ink",
    "#60656c": "--muted",
    "#d9dce0": "--line",
    "#fdfdfe": "--paper",
    "#0b68a8": "--accent",
    "#0072b2": "--series-1",
    "#d55e00": "--series-2",
    "#009e73": "--series-3",
    "#cc79a7": "--series-4",
    "#8c6d00": "--series-5",
    "#3d9fd6": "--series-6",
    "#7a7f87": "--series-7",
}
INK, MUTED, LINE, PAPER, ACCENT, *SERIES = COLOURS
#: A metric, and the task that it is of, have one colour on the whole page.
METRIC_COLOURS = {"top1": SERIES[0], "voc_map": SERIES[1], "miou": SERIES[2], "pix_acc": SERIES[3]}
TASK_COLOURS = {"cls": SERIES[0], "det": SERIES[1], "seg": SERIES[2]}
#: Told apart without colours, too; one beside each of `SERIES`.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
#: What matplotlib draws in unless it is told otherwise -> what stands for it.
_DEFAULTS = {"#000000": INK, "#ffffff": PAPER, "#cccccc": LINE}
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
_NUMBER = re.compile(r"-?\d+\.\d+")
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # words stay words: small, selectable, in the page's font
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "figure.facecolor": "none",
}


def canvas(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> Any:
    """A figure in inches, and its axes: one, or an array as `Figure.subplots` gives it."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(rows, columns, **options)


def heading(panel: Any, text: str) -> None:
    """The title of a panel, on its left."""
    panel.set_title(text, loc="left", fontsize=10.5, fontweight="bold", color=INK, pad=8)


def inline(figure: Any, name: str, title: str, description: str, caption: str = "") -> Markup:
    """A figure as HTML, with its SVG inside and a button that saves it.

    Args:
        figure: Of `canvas`.
        name: One in the page: its file's name, and what its ids begin with.
        title: What it shows, in a few words.
        description: What somebody who does not see it should know: what is drawn, what stands out.
        caption: Below it, if it needs one.
    """
    return fill(
        "figure.html",
        name=name,
        title=title,
        description=description,
        caption=caption,
        svg=svg(figure, name, title, description),
    )


def svg(figure: Any, name: str, title: str, description: str) -> Markup:
    """The SVG element: ids that begin with `name`, colours as variables, a text for readers."""
    import matplotlib
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a name may hold dollar signs
    stream = io.BytesIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    root = fromstring(stream.getvalue(), forbid_dtd=False)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):  # a style is the page's
                parent.remove(child)
        for key, value in parent.attrib.items():
            parent.set(key, _attribute(key, value, name))
        if parent.tag == f"{{{_SVG}}}text" and "fill:" not in parent.get("style", ""):
            parent.set("style", f"{parent.get('style', '')}; fill: var(--ink, {INK})")
    width, height = (
        value.removesuffix("pt") for value in (root.attrib["width"], root.attrib["height"])
    )
    root.attrib |= {"width": width, "height": height, "role": "img"}
    root.attrib |= {"style": "stroke-linejoin: round; stroke-linecap: butt"}
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for place, (tag, words) in enumerate((("title", title), ("desc", description))):
        said = Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        said.text = words
        root.insert(place, said)
    register_namespace("", _SVG)
    register_namespace("xlink", _XLINK)
    return Markup(tostring(root, encoding="unicode"))


def _attribute(key: str, value: str, name: str) -> str:
    """An attribute with ids of this figure alone, variables for colours, and the page's font."""
    if key == "id":
        return f"{name}-{value}"
    if key.endswith("href"):
        return f"#{name}-{value[1:]}"
    if key == "d":
        return " ".join(
            _NUMBER.sub(lambda it: f"{float(it[0]):.2f}".rstrip("0").rstrip("."), value).split()
        )
    value = value.replace("url(#", f"url(#{name}-").replace("'DejaVu Sans'", _FONT)
    return _COLOUR.sub(lambda it: _themed(it[0]), value)


def _themed(colour: str) -> str:
    colour = _DEFAULTS.get(colour.lower(), colour.lower())
    variable = COLOURS.get(colour)
    return f"var({variable}, {colour})" if variable else colour
