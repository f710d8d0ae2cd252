"""The ladder: what each row reaches, what each step brings, and what it brought in the paper."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tricklift.paper import numbers
from tricklift.records.schema import RANDOM_INIT
from tricklift.report.html import fill
from tricklift.report.pictures.gains import Pair, gains
from tricklift.report.pictures.levels import Reached, levels
from tricklift.report.section import Download, Section, csv_file
from tricklift.report.study import Study
from tricklift.tables.families import Family
from tricklift.tables.means import means
from tricklift.tables.methods import method
from tricklift.tables.pairs import paper_gains

#: Panels of one figure; more columns take another figure.
PANELS = 4
TITLES = {"ladder": "What each step brings", "baseline": "What each row brings"}


def section(study: Study) -> Section | None:
    """Two figures a tier; None where there is nothing to compare."""
    reached = {tier: found for tier in study.tiers if (found := _reached(study, tier))}
    if not reached:
        return None
    body = fill(
        "steps.html",
        parts=[_tier(study, tier, found) for tier, found in reached.items()],
        several=len(study.tiers) > 1,
        source=numbers.source(),
    )
    return Section("Step by step", "steps", body, [_rows_file(reached), _steps_file(study)])


def _reached(study: Study, tier: str) -> list[Reached]:
    """Each column that has something to compare, with the means of its rows."""
    return [
        (column, means(column.observations, study.question.variance))
        for column in study.columns
        if column.tier == tier and len(column.lines) > 1
    ]


def _tier(study: Study, tier: str, reached: Sequence[Reached]) -> dict[str, object]:
    labels, baseline = study.compared(tier), study.baselines[tier]
    kind, families = _families(study, tier)
    pairs = _pairs(study, tier, families)
    papers = paper_gains(list(pairs))
    differences = [it for family in families for it in family.differences]
    return {
        "tier": tier,
        "title": f"{TITLES[kind]} over {'the one below it' if kind == 'ladder' else baseline}",
        "baseline": baseline if baseline in labels else None,
        "reached": [
            levels(
                [label for label in labels if any(label in column.lines for column, _ in some)],
                some,
                baseline,
                list(pairs) if kind == "ladder" else [],
                f"levels-{study.tier_ids[tier]}-{place}",
            )
            for place, some in enumerate(_some(reached))
        ],
        "brought": [
            gains(pairs, some, papers, f"gains-{study.tier_ids[tier]}-{place}", TITLES[kind])
            for place, some in enumerate(_some(families))
            if pairs
        ],
        "table": _table(families, papers),
        "left_out": any((it.row, it.against) not in pairs for it in differences),
        "papers": papers,
        "method": method(kind, families),
    }


def _rows_file(reached: Mapping[str, Sequence[Reached]]) -> Download:
    """One line a row and column: the mean with its interval, and each run's value."""

    def lines() -> Iterator[list[object]]:
        for tier, columns in reached.items():
            for column, found in columns:
                for label, mean in found.items():
                    runs = " ".join(f"{it:.4f}" for it in column.observations[label].each)
                    yield [tier, column.title, label, mean.value, mean.low, mean.high, runs]

    return csv_file("rows.csv", ("tier", "title", "row", "mean", "low", "high", "runs"), lines())


def _steps_file(study: Study) -> Download:
    """One line a difference that the figures and their tables show."""

    def lines() -> Iterator[list[object]]:
        for tier in study.tiers:
            kind, families = _families(study, tier)
            for family in families:
                for it in family.differences:
                    paper = paper_gains([(it.row, it.against)]).get((it.row, it.against), {})
                    yield [tier, kind, family.title, it.row, it.against, it.mean, it.low, it.high,
                           it.p, paper.get(family.metric)]  # fmt: skip

    header = ("tier", "kind", "title", "row", "over", "mean", "low", "high", "p", "paper")
    return csv_file("steps.csv", header, lines())


def _some(of_columns: Sequence[Any]) -> list[Sequence[Any]]:
    return [of_columns[start : start + PANELS] for start in range(0, len(of_columns), PANELS)]


def _families(study: Study, tier: str) -> tuple[str, list[Family]]:
    """The ladder's steps where there are any beyond random init, else gains over the baseline."""
    of_ladder = study.families("ladder", tier)
    if _pairs(study, tier, list(of_ladder.values())):
        return "ladder", list(of_ladder.values())
    return "baseline", list(study.families("baseline", tier).values())


def _pairs(study: Study, tier: str, families: Sequence[Family]) -> dict[Pair, str]:
    """Without those that random init is in: they are so large that the others would not show."""
    fresh = {
        label
        for label, line in study.compared(tier).items()
        if str(line.first["row"]).startswith(RANDOM_INIT)
    }
    longest = sorted((family.differences for family in families), key=len, reverse=True)
    pairs = dict.fromkeys((it.row, it.against) for found in longest for it in found)
    return {pair: pair[0] for pair in pairs if not fresh.intersection(pair)}


def _table(
    families: Sequence[Family], papers: Mapping[Pair, Mapping[str, float]]
) -> dict[Pair, list[dict[str, object]]]:
    """Pair -> what each column says of it, and the paper."""
    found = [{(it.row, it.against): it for it in family.differences} for family in families]
    longest = sorted(found, key=len, reverse=True)
    pairs = dict.fromkeys(pair for column in longest for pair in column)
    return {
        pair: [
            {
                "title": family.title,
                "found": column.get(pair),
                "paper": papers.get(pair, {}).get(family.metric),
            }
            for family, column in zip(families, found, strict=True)
        ]
        for pair in pairs
    }
