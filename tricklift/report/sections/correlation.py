"""Whether better top-1 means better transfer."""

from dataclasses import astuple

from tricklift.report.html import fill
from tricklift.report.pictures.scatter import Panel, scatter
from tricklift.report.section import Section, csv_file
from tricklift.report.study import Study
from tricklift.report.wording import MINUS
from tricklift.tables.analysis import Ranking
from tricklift.tables.columns import Column
from tricklift.tables.means import means
from tricklift.tables.ranks import Interval
from tricklift.tables.statistics_page import interval

METRICS = ("voc_map", "miou")
#: Panels beside one another.
PANELS = 3
FILE = "top1-and-transfer.csv"
ENDS = ("mean", "low", "high")
HEADER = ("tier", "title", "row", *(f"top1_{it}" for it in ENDS), *ENDS)


def section(study: Study) -> Section | None:
    """A figure a tier; None without two rows that have both."""
    figures, lines = [], []
    without: dict[str, None] = {}
    for tier in study.tiers:
        panels = [panel for column in study.columns if (panel := _panel(study, tier, column))]
        shown = {label for panel in panels for label in panel.points}
        without |= dict.fromkeys(it for it in study.compared(tier) if panels and it not in shown)
        for start in range(0, len(panels), PANELS):
            name = f"scatter-{study.tier_ids[tier]}-{start // PANELS}"
            figures.append(scatter(panels[start : start + PANELS], name))
        lines += [
            (tier, panel.title, label, *astuple(top1), *astuple(seen))
            for panel in panels
            for label, (top1, seen) in panel.points.items()
        ]
    if not figures:
        return None
    body = fill("correlation.html", figures=figures, without=list(without))
    return Section("Top-1 and transfer", "correlation", body, [csv_file(FILE, HEADER, lines)])


def _panel(study: Study, tier: str, column: Column) -> Panel | None:
    """The rows of a column that have top-1, too."""
    if column.tier != tier or column.metric not in METRICS:
        return None
    top1: dict[str, Interval] = {}
    variance = study.question.variance
    of_tier = [it for it in study.columns if it.tier == tier and it.metric == "top1"]
    if len(of_tier) != 1:  # of several data sets: their top-1 do not compare
        return None
    values = means(of_tier[0].observations, variance)
    runs = {str(line.runs["cls"][0].path): label for label, line in of_tier[0].lines.items()}
    for label, line in column.lines.items():
        if line.runs["cls"] and str(line.runs["cls"][0].path) in runs:
            top1[label] = values[runs[str(line.runs["cls"][0].path)]]
    seen = means(column.observations, variance)
    points = {label: (found, seen[label]) for label, found in top1.items() if label in seen}
    if len(points) < 2:
        return None
    ranked = [it for it in study.analysis.rankings if (it.tier, it.title) == (tier, column.title)]
    return Panel(column.title, points, _said(ranked, len(points)))


def _said(ranked: list[Ranking], rows: int) -> str:
    found = ranked[0].with_top1 if ranked else None
    if found is None:
        return f"{rows} rows are too few for a rank correlation"
    value = interval(found, "{:+.2f}").replace("-", MINUS)
    return f"rank correlation {value} over {ranked[0].rows_with_top1} rows"
