"""The pipeline as a picture, with the names of the data and networks that were run."""

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from tricklift.markdown import count
from tricklift.report.figures import ACCENT, INK, LINE, MUTED, TASK_COLOURS, canvas, inline
from tricklift.report.study import Study
from tricklift.tables.compare import TASKS

#: Inches.
WIDTH, HEIGHT = 9.2, 2.5
TITLES = {"det": "Detection", "seg": "Segmentation"}


def pipeline(study: Study) -> Markup:
    """Pretraining, export, and the two tasks that the weights are carried to."""
    runs = {task: [run for run in study.done if run["task"] == task] for task in TASKS}
    started = [run for task in ("det", "seg") for run in runs[task]]
    others = ["none: random init"] if any(not run.pretrained for run in started) else []
    others += [f"given: {name}" for name in _given(study)]
    figure, axes = canvas(WIDTH, HEIGHT)
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, HEIGHT)
    axes.axis("off")
    _box(axes, 0.05, 1.25, 2.5, "Pretrain", [_data(runs["cls"]), _rows(study)], TASK_COLOURS["cls"])
    _box(
        axes,
        3.35,
        1.25,
        2.1,
        "Export",
        ["one file of weights,", "unchanged downstream"],
        TASK_COLOURS["cls"],
    )
    _arrow(axes, (2.55, 1.25), (3.35, 1.25))
    for task, middle in (("det", 1.85), ("seg", 0.65)):
        told = [_data(runs[task]), _heads(study, task)]
        _box(axes, 6.4, middle, 2.75, TITLES[task], told, TASK_COLOURS[task])
        _arrow(axes, (5.45, 1.25), (6.4, middle))
    for place, other in enumerate(others):
        axes.text(4.4, 0.55 - 0.2 * place, f"or {other}", color=MUTED, ha="center", fontsize=9)
    tasks = ", ".join(f"{TITLES[task].lower()} on {_data(runs[task])}" for task in TITLES)
    description = (
        f"A network is pretrained on {_data(runs['cls'])}, its weights are exported once, and "
        f"the same file starts {tasks}. Beside it: {'; '.join(others) or 'nothing else'}."
    )
    return inline(figure, "pipeline", "From pretraining to transfer", description)


def _data(runs: list[Any]) -> str:
    return _short(dict.fromkeys(str(run["dataset"]) for run in runs)) or "not run"


def _rows(study: Study) -> str:
    lines = [line for line in study.lines if line.runs["cls"]]
    if not lines:
        return "weights given"
    rows = {(line.first["tier"], line.first.origin) for line in lines}
    seeds = [len(line.seeds("cls")) for line in lines]
    least, most = min(seeds), max(seeds)
    each = f"{least} to {most} seeds" if least < most else count(most, "seed")
    return f"{count(len(rows), 'recipe')}, {each}"


def _given(study: Study) -> list[str]:
    """Weights that no pretraining here made; with more than two, how many there are."""
    lines = [line for line in study.lines if line.pretrained and not line.runs["cls"]]
    found = [_short([name]) for name in dict.fromkeys(str(line.pretrained) for line in lines)]
    return found if len(found) < 3 else [f"{len(found)} files of weights"]


def _heads(study: Study, task: str) -> str:
    heads = dict.fromkeys(str(line.head(task)) for line in study.lines if line.head(task))
    return _short(heads) or "not run"


def _short(names: Iterable[str]) -> str:
    found = list(names)
    text = ", ".join(found[:2]) + (f" and {len(found) - 2} more" if len(found) > 2 else "")
    return text if len(text) < 34 else text[:32] + "…"


def _box(
    axes: Any, left: float, middle: float, width: float, title: str, lines: list[str], colour: str
) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(
        FancyBboxPatch((left, middle - 0.46), width, 0.92, style, facecolor="none", edgecolor=LINE)
    )
    axes.plot([left + 0.12] * 2, [middle - 0.3, middle + 0.3], color=colour, linewidth=3)
    axes.text(left + 0.25, middle + 0.2, title, color=INK, weight="bold", va="center", fontsize=11)
    for place, text in enumerate(lines):
        axes.text(
            left + 0.25, middle - 0.06 - 0.2 * place, text, color=MUTED, va="center", fontsize=9
        )


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "-|>", "color": ACCENT, "linewidth": 1.4}
    )
