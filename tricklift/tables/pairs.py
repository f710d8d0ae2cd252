"""Which rows are compared: a baseline, the steps of a ladder, all pairs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

from tricklift.errors import UserError, did_you_mean
from tricklift.paper import numbers
from tricklift.records.schema import RANDOM_INIT
from tricklift.tables.columns import Column, columns, in_order, labels
from tricklift.tables.compare import Line, ladder


def kinds(column: Column, baseline: str, steps: Sequence[tuple[str, str]]) -> list[str]:
    """What is looked at unless something is asked for: nothing twice."""
    pairs = {kind: pairs_of(kind, column, baseline, steps) for kind in ("baseline", "ladder")}
    against, above = ({frozenset(pair) for pair in of_kind} for of_kind in pairs.values())
    return ["ladder"] if against == above else ["baseline", "ladder"]


def pairs_of(
    kind: str, column: Column, baseline: str, steps: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """What a kind of family compares in a column: labels, each row and what with."""
    rows = list(column.lines)
    if kind == "ladder":
        return [pair for pair in steps if pair[0] in rows and pair[1] in rows]
    if kind == "all":
        return [(after, before) for before, after in combinations(rows, 2)]
    return [(row, baseline) for row in rows if row != baseline] if baseline in rows else []


def ladder_steps(lines: Sequence[Line], tier: str) -> list[tuple[str, str]]:
    """Labels of each row of a known ladder and the row below it.

    The row below is that of the same network, or the only one. A row of another name is compared
    with random init of its network.
    """
    of_tier = [line for line in lines if line.first["tier"] == tier]
    named = dict(zip(labels(of_tier), of_tier, strict=True))
    known, rungs = ladder(), defaultdict(list)
    for label, line in named.items():
        rungs[line.first["row"] if line.first["row"] in known else None].append(label)
    order = [rungs[row] for row in known if row in rungs]
    found = []
    for below, here in pairwise(order):
        for label in here:
            same = [other for other in below if network(named[other]) == network(named[label])]
            kind = named[label].first.reference  # a row of one's own is over one's own, if it can
            same = [other for other in same if named[other].first.reference == kind] or same
            only = below if len(below) == len(here) == 1 else []
            found += [(label, other) for other in (same or only)[:1]]
    fresh = {network(named[label]): label for label in rungs.get(RANDOM_INIT, ())}
    found += [
        (label, fresh[network(named[label])])
        for label in rungs[None]
        if network(named[label]) in fresh
    ]
    return found


def network(line: Line) -> str:
    """Name of a line's backbone."""
    return str(line.first["backbone"])


def baselines_of(
    lines: Sequence[Line], table: Sequence[Column], asked: str | None
) -> dict[str, str]:
    """Tier -> its baseline: what is asked for, else of the rows that compare with others."""
    found = {}
    for tier in dict.fromkeys(line.first["tier"] for line in lines):
        of_tier = [line for line in lines if line.first["tier"] == tier]
        mine, named = [column for column in table if column.tier == tier], labels(of_tier)
        several = [column for column in mine if len(column.lines) > 1]
        found[tier] = _usual(in_order(several, lines) or dict(zip(named, of_tier, strict=True)))
        if asked is not None:
            names = {label for column in mine for label in column.lines}
            rows = {
                label
                for label, line in zip(named, of_tier, strict=True)
                if line.first["row"] == asked
            }
            matching = {asked} & names or rows
            if len(matching) > 1:
                raise UserError(
                    f"--baseline {asked!r} is the name of several rows: "
                    f"{', '.join(map(repr, sorted(matching)))}; give one of these"
                )
            found[tier] = next(iter(matching), "")
    if asked is not None and not any(found.values()):
        names = {label for column in table for label in column.lines}
        raise UserError(
            f"no row {asked!r}; --baseline takes {', '.join(map(repr, sorted(names)))}"
            f"{did_you_mean(asked, names)}"
        )
    return found


def _usual(rows: Mapping[str, Line]) -> str:
    """Label of the first row of a known ladder that has a pretraining, else of the first such."""
    known = ladder()

    def last(label: str) -> tuple[bool, bool]:
        name = rows[label].first["row"]
        return name == RANDOM_INIT, name not in known

    return min(rows, key=last)


def names_a_head(baseline: str | None, lines: Sequence[Line]) -> bool:
    """Whether a baseline is a row with one head, so that heads are compared with it."""
    if baseline is None:
        return False
    across = columns(lines, across_heads=True)
    apart = {label for column in columns(lines) for label in column.lines}
    return baseline not in apart and any(baseline in column.lines for column in across)


def paper_gains(steps: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, float]]:
    """What each step brought in the paper, by metric, where it has both rows."""
    known = numbers.transfer_rows()
    found = {}
    for row, against in steps:
        if row in known and against in known:
            after, before = numbers.transfer(row), numbers.transfer(against)
            found[row, against] = {metric: after[metric] - before[metric] for metric in after}
    return found
