"""The page's section on a ladder: each row's gain, whether rows differ, and rank correlations.

A row has one line in the table for each of its heads; here rows are compared head by head.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tricklift.markdown import grid, paragraphs, titled
from tricklift.paper import numbers
from tricklift.records.schema import RANDOM_INIT
from tricklift.tables.compare import COLUMNS, DOWNSTREAM, TITLES, Line, ladder
from tricklift.tables.ladder_statistics import (
    CONFIDENCE,
    PERMUTATIONS,
    Step,
    omnibus_test,
    rank_correlation,
    step,
)

INTRODUCTION = (
    "Gain over the row above in points: the mean over runs paired by seed, with its "
    f"{CONFIDENCE:.0%} confidence interval (Student's t) in brackets where there are two pairs or "
    "more. A gain whose interval contains 0 may be chance."
)
ONE_PRETRAINING = (
    " Each row was pretrained once: the intervals cover the variation of detection and "
    "segmentation, not that of the pretraining."
)
SEVERAL_PRETRAININGS = (
    " Where two rows share several pretraining seeds, gains are averaged per pretraining first, "
    "and the interval is over pretrainings. Where they share one, or one of the rows is random "
    "init, it is over the downstream seeds and does not cover the variation of the pretraining."
)
DIFFERING = (
    "Do the pretrained rows differ at all? Permutation test of the variance of the rows' means, "
    "with values shuffled within each seed, or within each pretraining where rows share several:"
)
OF_PAPER = (
    "The paper's gains between the same rows, to compare sign and order (ResNet-50: ImageNet, "
    "VOC07+12 with C4, ADE20K with FCN):"
)
#: A row's name and its lines, one for each set of heads.
Rung = tuple[str, Sequence[Line]]


@dataclass(frozen=True)
class Column:
    """What is compared over the rows of a tier.

    Attributes:
        metric: Of `COLUMNS`.
        head: The head that gives it, None for top-1.
        title: The metric, with the head where the tier has several.
    """

    metric: str
    head: str | None
    title: str

    def pick(self, lines: Sequence[Line]) -> Line | None:
        """The line of a row that has this head.

        None without one, and where runs differ in more than head and seed (in the pretraining's
        config, or in options of the head's), so that none is the row's own.
        """
        task = COLUMNS[self.metric]
        fitting = [line for line in lines if line.runs[task] and line.head(task) == self.head]
        distinct = {line.runs[task][0].path: line for line in fitting}  # heads share pretrainings
        return fitting[0] if len(distinct) == 1 else None

    def differ(self, *rows: Sequence[Line]) -> bool:
        """Whether the rows' runs differ in data or length, so that no figure says which is better.

        Not in pretraining, whose length is part of a row.
        """
        task = COLUMNS[self.metric]
        runs = [line.runs[task][0] for lines in rows if (line := self.pick(lines))]
        same = ("dataset", "protocol", "epochs", "iters")
        held = {(run.digest, *(run[key] for key in same)) for run in runs}
        return task in DOWNSTREAM and len(held) > 1


def section(lines: Sequence[Line]) -> str:
    """The steps of each tier, and its rank correlations; empty without two rows of a ladder."""
    known = ladder()
    tiers: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.first["row"] in known:
            tiers[line.first["tier"]].append(line)
    found = {tier: parts for tier, rungs in tiers.items() if (parts := _of_tier(rungs))}
    title = "## Step by step"
    titles = {tier: f"{title}: {tier}" if len(tiers) > 1 else title for tier in found}
    return paragraphs(part for tier in found for part in (titles[tier], *found[tier]))


def _of_tier(lines: Sequence[Line]) -> list[str]:
    """Each row's gain over the row above, and what the order in top-1 says about the rest.

    Where several networks share a row's name, no one row is the one above: nothing then.
    """
    rows: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        rows[line.first["row"]].append(line)
    if any(len({line.first["backbone"] for line in of_row}) > 1 for of_row in rows.values()):
        return []
    steps, table = list(pairwise(rows.items())), columns(lines)
    gains = {here[0]: [_between(above, here, column) for column in table] for above, here in steps}
    body = [[name, *map(gain, found)] for name, found in gains.items() if any(found)]
    if not body:
        return []
    return [
        INTRODUCTION + _of_pretrainings(lines, gains.values(), table),
        grid(["row", *(column.title for column in table)], body),
        _uneven(steps, table),
        _of_paper(steps),
        _differing(rows, table),
        _rank_correlations(list(rows.values()), table),
    ]


def _uneven(steps: Sequence[tuple[Rung, Rung]], table: Sequence[Column]) -> str:
    """Which steps are left out, since their rows' runs differ in data or length."""
    texts = []
    for above, here in steps:
        titles = [column.title for column in table if column.differ(above[1], here[1])]
        if titles:
            texts.append(f"{above[0]} and {here[0]} in {', '.join(titles)}")
    why = "Not compared, as their runs differ in data or length"
    return f"{why}: {'; '.join(texts)}." if texts else ""


def _of_paper(steps: Sequence[tuple[Rung, Rung]]) -> str:
    """The paper's gain of each row over the one above it here, where it has both."""
    known = numbers.transfer_rows()
    body = []
    for (above, _), (here, _) in steps:
        if above in known and here in known:
            before, after = numbers.transfer(above), numbers.transfer(here)
            body.append([here, *(f"{after[name] - before[name]:+.2f}" for name in COLUMNS)])
    table = grid(["row", *TITLES.values()], body)
    return f"{OF_PAPER}\n\n{table}\n\nSource: {numbers.source()}." if body else ""


def columns(lines: Sequence[Line]) -> list[Column]:
    """A column for each metric; for each of its heads where the lines have several."""
    found = []
    for metric, task in COLUMNS.items():
        heads = sorted({head for line in lines if (head := line.head(task))})
        for head in tuple(heads) or (None,):
            title = f"{TITLES[metric]} ({head})" if len(heads) > 1 else TITLES[metric]
            found.append(Column(metric, head, title))
    return found


def _between(above: Rung, here: Rung, column: Column) -> Step | None:
    before, after = column.pick(above[1]), column.pick(here[1])
    if not before or not after or column.differ(above[1], here[1]):
        return None
    return step(before, after, column.metric)


def _of_pretrainings(
    lines: Sequence[Line], gains: Iterable[Sequence[Step | None]], table: Sequence[Column]
) -> str:
    """What the intervals downstream rest on, and so leave out; nothing where there are none."""
    downstream = [
        found
        for of_row in gains
        for found, column in zip(of_row, table, strict=True)
        if COLUMNS[column.metric] in DOWNSTREAM
    ]
    if not any(found and found.low is not None for found in downstream):
        return ""
    several = any(len(line.pretraining_seeds()) > 1 for line in lines)
    return SEVERAL_PRETRAININGS if several else ONE_PRETRAINING


def gain(found: Step | None) -> str:
    """`+1.20 [+0.40, +2.00]`, `+1.20` for one pair, `-` for none."""
    if found is None:
        return "-"
    interval = "" if found.low is None else f" [{found.low:+.2f}, {found.high:+.2f}]"
    return f"{found.mean:+.2f}{interval}"


def _tested(
    test: Callable[[list[Line], str], Any],
    rows: Sequence[Sequence[Line]],
    table: Sequence[Column],
) -> Iterator[tuple[str, Any]]:
    """A column's title and what a test says of the rows in it, where they can be compared."""
    for column in table:
        picked = [line for lines in rows if (line := column.pick(lines))]
        found = None if column.differ(*rows) else test(picked, column.metric)
        if found is not None:
            yield column.title, found


def _differing(rows: Mapping[str, Sequence[Line]], table: Sequence[Column]) -> str:
    """One line a metric and head: whether the rows with a pretraining differ at all."""
    pretrained = [lines for name, lines in rows.items() if name != RANDOM_INIT]
    texts = [
        f"- {title}: p = {p:.3g}, {count} rows, {blocks} values each"
        for title, (p, count, blocks) in _tested(omnibus_test, pretrained, table)
    ]
    return titled(DIFFERING, texts)


def _rank_correlations(rows: Sequence[Sequence[Line]], table: Sequence[Column]) -> str:
    """One line a metric and head: Spearman's rank correlation with top-1 over the rows."""
    texts = []
    downstream = [column for column in table if column.metric != "top1"]
    for title, found in _tested(rank_correlation, rows, downstream):
        way = "exact" if found.exact else f"by {PERMUTATIONS:,} permutations"
        value = "not defined"
        if found.rho is not None:
            value = f"{found.rho:+.2f} (p = {found.p:.3g}, {way})"
        texts.append(f"- {title}: {value}, {found.rows} rows")
    return titled("Spearman's rank correlation with top-1 over the rows (p two-sided):", texts)
