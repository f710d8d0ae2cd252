"""AP and IoU of each class, row against row."""

from collections.abc import Mapping

from tricklift.report.headline import answer
from tricklift.report.html import anchors, fill
from tricklift.report.pictures.classes import classes as draw
from tricklift.report.section import Download, Section, csv_file
from tricklift.report.study import Study
from tricklift.tables.columns import Column
from tricklift.tables.compare import COLUMNS
from tricklift.tables.observations import observe

#: Metric of a result file -> what it is called of one class.
NAMES = {"voc_map": "AP", "miou": "IoU"}
#: With more, the page holds the values alone: each row's difference from each takes its room.
MOST_DIFFERENCES = 4000
Values = Mapping[str, Mapping[str, float]]


def section(study: Study) -> Section | None:
    """A figure and a table a column; None where no result tells its classes."""
    parts, files = [], []
    keys = anchors(f"classes-{column.tier}-{column.title}" for column in study.columns)
    for key, column in zip(keys, study.columns, strict=True):
        found = by_class(column) if column.metric in NAMES else {}
        if found:
            parts.append(_part(study, column, found, key))
            files.append(_file(f"{key}.csv", found))
    if not parts:
        return None
    return Section("By class", "classes", fill("classes.html", parts=parts), files)


def _file(name: str, found: Values) -> Download:
    """One line a class, one column a row."""

    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    classes = dict.fromkeys(name for values in found.values() for name in values)
    lines = ([it, *(rounded(held.get(it)) for held in found.values())] for it in classes)
    return csv_file(name, ("class", *found), lines)


def by_class(column: Column) -> dict[str, dict[str, float]]:
    """Label -> class -> mean over pretrainings, of the rows whose results tell."""
    found: dict[str, dict[str, float]] = {}
    for label, line in column.lines.items():
        runs = line.runs[COLUMNS[column.metric]]
        names = dict.fromkeys(
            name for run in runs for name in (run["per_class"] or {}).get(column.metric, {})
        )
        seen = {name: observe(runs, column.metric, name) for name in names}
        if values := {name: it.mean for name, it in seen.items() if it}:
            found[label] = values
    return found


def _part(study: Study, column: Column, found: Values, key: str) -> dict[str, object]:
    labels = list(found)
    spoken = answer(study, column.tier)
    pair = (labels[0], labels[-1])
    if spoken and {spoken.baseline, spoken.row} <= set(labels):
        pair = (spoken.baseline, spoken.row)
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    both = [name for name in names if name in found[pair[0]] and name in found[pair[1]]]
    values = {name: (found[pair[0]][name], found[pair[1]][name]) for name in both}
    figure = ""
    if pair[0] != pair[1] and both:
        figure = draw(values, pair, NAMES[column.metric], key)
    return {
        "title": f"{NAMES[column.metric]} by class: {column.title}, {column.tier}",
        "figure": figure,
        "labels": labels,
        "names": names,
        "found": found,
        "compared": 0 < len(labels) * (len(labels) - 1) * len(names) <= MOST_DIFFERENCES,
    }
