"""The ladder: what each row reaches, what each step brings, and what it brought in the paper."""

from collections.abc import Mapping, Sequence
from typing import Any

from tricklift.paper import numbers
from tricklift.records.schema import RANDOM_INIT
from tricklift.report.html import fill
from tricklift.report.pictures.gains import Pair, gains
from tricklift.report.pictures.levels import levels
from tricklift.report.section import Section
from tricklift.report.study import Study
from tricklift.tables.families import Family
from tricklift.tables.means import means
from tricklift.tables.pairs import paper_gains

#: Panels of one figure; more columns take another figure.
PANELS = 4


def section(study: Study) -> Section | None:
    """Two figures a tier; None where there is nothing to compare."""
    parts = [part for tier in study.tiers if (part := _tier(study, tier))]
    if not parts:
        return None
    several = len(study.tiers) > 1
    body = fill("steps.html", parts=parts, several=several, source=numbers.source())
    return Section("Step by step", "steps", body)


def _tier(study: Study, tier: str) -> dict[str, object] | None:
    table = [column for column in study.columns if column.tier == tier and len(column.lines) > 1]
    if not table:
        return None
    labels, baseline = study.compared(tier), study.baselines[tier]
    variance = study.question.variance
    reached = [
        levels(
            [label for label in labels if any(label in column.lines for column in some)],
            [(column, means(column.observations, variance)) for column in some],
            baseline,
            f"levels-{study.tier_ids[tier]}-{place}",
        )
        for place, some in enumerate(_some(table))
    ]
    kind, families = _families(study, tier)
    pairs = _pairs(study, tier, families)
    papers = paper_gains(list(pairs))
    brought = [
        gains(pairs, some, papers, f"gains-{study.tier_ids[tier]}-{place}", "What each step brings")
        for place, some in enumerate(_some(families))
        if pairs
    ]
    return {
        "tier": tier,
        "kind": kind,
        "baseline": baseline if baseline in labels else None,
        "reached": reached,
        "brought": brought,
        "table": _table(families, papers),
        "papers": papers,
    }


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
