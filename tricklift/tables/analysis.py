"""What the runs say about rows: differences, ranks, claims. Plain data for pages and reports."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tricklift.errors import UserError
from tricklift.tables.claims import (
    UNDECIDED,
    Claim,
    Verdict,
    claims_of,
    judge,
    paired_in,
)
from tricklift.tables.columns import Column, columns
from tricklift.tables.compare import COLUMNS, DOWNSTREAM, Line
from tricklift.tables.families import Family, family_of
from tricklift.tables.model import VARIANCES
from tricklift.tables.observations import Observations
from tricklift.tables.pairs import (
    baselines_of,
    kinds,
    ladder_steps,
    names_a_head,
    network,
    pairs_of,
)
from tricklift.tables.ranks import Interval, Ranked, correlation, ranking

PAIRS = ("ladder", "all", "baseline")


@dataclass(frozen=True)
class Question:
    """What is asked of the runs.

    Attributes:
        baseline: A label or a row's name; None: the lowest row of a known ladder that has a
            pretraining, else the first such row, else the first.
        pairs: Of `PAIRS`; None: all rows against the baseline, and the steps of a known ladder.
        paired: Whether a seed moves all rows alike, and differences are taken within seeds; None:
            as the runs' tiers say.
        variance: `pooled`, or `own` for rows that each have a spread of their own.
        claims: To be judged; None: those of the runs' tiers.
    """

    baseline: str | None = None
    pairs: str | None = None
    paired: bool | None = None
    variance: str = "pooled"
    claims: Sequence[Claim] | None = None

    def __post_init__(self) -> None:
        if self.pairs not in (None, *PAIRS):
            raise UserError(f"--pairs takes {', '.join(PAIRS)}, got {self.pairs!r}")
        if self.variance not in VARIANCES:
            raise UserError(f"--variance takes {' or '.join(VARIANCES)}, got {self.variance!r}")
        if self.paired and self.variance == "own":
            raise UserError("--paired and --variance own are two models; leave one out")


@dataclass(frozen=True)
class Ranking:
    """The order of a column's rows, best first, and how far it is that of top-1.

    Attributes:
        tier: Of the runs.
        metric: Of `COLUMNS`.
        title: The column's.
        rows: Places.
        with_top1: Spearman's rank correlation with top-1 over the rows that have both.
        rows_with_top1: How many.
    """

    tier: str
    metric: str
    title: str
    rows: Sequence[Ranked]
    with_top1: Interval | None
    rows_with_top1: int


@dataclass(frozen=True)
class Analysis:
    """All that is said about the rows.

    Attributes:
        question: What was asked.
        baselines: Tier -> label of its baseline.
        families: Of each kind asked for, tier and column.
        rankings: Of each column.
        verdicts: One a claim.
        alone: Tier, column and row where a column has a single one: nothing compares with it.
    """

    question: Question
    baselines: Mapping[str, str]
    families: Sequence[Family]
    rankings: Sequence[Ranking]
    verdicts: Sequence[Verdict]
    alone: Sequence[tuple[str, str, str]]

    def of(self, kind: str) -> list[Family]:
        """The families of a kind."""
        return [family for family in self.families if family.kind == kind]


def asked_columns(lines: Sequence[Line], question: Question) -> list[Column]:
    """The columns that a question looks at: across heads where it names one, or wants all pairs."""
    return columns(lines, question.pairs == "all" or names_a_head(question.baseline, lines))


def analyse(
    lines: Sequence[Line], question: Question | None = None, table: Sequence[Column] | None = None
) -> Analysis:
    """Answers a question from the lines of the table.

    Args:
        lines: Of the table.
        question: What is asked of them.
        table: The columns that are looked at; None: those of `asked_columns`.

    Raises:
        UserError: No row, or more than one, is called as the baseline.
    """
    question = question or Question()
    question = _resolved(question, dict.fromkeys(str(line.first["tier"]) for line in lines))
    paired = bool(question.paired)
    table = asked_columns(lines, question) if table is None else table
    baselines = baselines_of(lines, table, question.baseline)
    steps = {tier: ladder_steps(lines, tier) for tier in baselines}
    families = []
    for column in table:
        baseline, of_ladder = baselines[column.tier], steps[column.tier]
        for kind in (question.pairs,) if question.pairs else kinds(column, baseline, of_ladder):
            pairs = pairs_of(kind, column, baseline, of_ladder)
            if pairs:
                families.append(family_of(kind, column, pairs, question.variance, paired))
    several = [column for column in table if len(column.lines) > 1]
    return Analysis(
        question,
        baselines,
        families,
        [_ranking(column, table) for column in several],
        _verdicts(table, question),
        _alone(table),
    )


def _resolved(question: Question, tiers: Iterable[str]) -> Question:
    """With what the tiers say of the things that nobody asked."""
    if question.claims is None:
        question = replace(question, claims=claims_of(tiers))
    if question.paired is None:
        paired = question.variance == "pooled" and paired_in(tiers)
        question = replace(question, paired=paired)
    return question


def _alone(table: Sequence[Column]) -> list[tuple[str, str, str]]:
    """Where a tier has several rows, and a column one of them."""
    rows: dict[str, set[str]] = defaultdict(set)
    for column in table:
        rows[column.tier] |= set(column.lines)
    return [
        (column.tier, column.title, next(iter(column.lines)))
        for column in table
        if len(column.lines) == 1 and len(rows[column.tier]) > 1
    ]


def _ranking(column: Column, table: Sequence[Column]) -> Ranking:
    rows = {label: {column.metric: seen} for label, seen in column.observations.items()}
    with_top1, both = None, []
    if COLUMNS[column.metric] in DOWNSTREAM:
        top1 = _top1(column, table)
        both = [{**cells, "top1": top1[label]} for label, cells in rows.items() if label in top1]
        if len(both) > 2:
            with_top1 = correlation(both, ("top1", column.metric))
    places = ranking(rows, [column.metric])
    return Ranking(column.tier, column.metric, column.title, places, with_top1, len(both))


def _top1(column: Column, table: Sequence[Column]) -> dict[str, Observations]:
    """Label in a column -> its line's top-1, where all of these are of one data set."""
    of_tier = [it for it in table if it.tier == column.tier and it.metric == "top1"]
    if len(of_tier) != 1:
        return {}
    seen = {line.runs["cls"][0].path: label for label, line in of_tier[0].lines.items()}
    values = of_tier[0].observations
    return {
        label: values[seen[line.runs["cls"][0].path]]
        for label, line in column.lines.items()
        if line.runs["cls"] and line.runs["cls"][0].path in seen
    }


def _verdicts(table: Sequence[Column], question: Question) -> list[Verdict]:
    """Each claim in each column that has its rows, with p by Holm over the claims of a column."""
    claims = question.claims or ()
    found: dict[Claim, list[Verdict]] = {claim: [] for claim in claims}
    for column in table:
        mine = {it: _pair(it, column) for it in claims if it.metric == column.metric}
        pairs = [pair for pair in dict.fromkeys(mine.values()) if pair]
        if not pairs:
            continue
        told = family_of("claims", column, pairs, question.variance, bool(question.paired))
        by_pair = {(it.row, it.against): it for it in told.differences}
        for claim, pair in mine.items():
            if pair:
                said = judge(claim, by_pair[pair])
                found[claim].append(Verdict(claim, column.title, said, by_pair[pair]))
    return [
        verdict
        for claim, seen in found.items()
        for verdict in seen or [Verdict(claim, None, UNDECIDED, None)]
    ]


def _pair(claim: Claim, column: Column) -> tuple[str, str] | None:
    """Labels of a claim's two rows; None where one is missing, or several have its name."""
    rows, others = (
        [label for label, line in column.lines.items() if name in (label, line.first["row"])]
        for name in (claim.row, claim.against)
    )
    pairs = [(row, other) for row in rows for other in others if row != other]
    if len(pairs) > 1:
        pairs = [it for it in pairs if len({network(column.lines[label]) for label in it}) == 1]
    if len(pairs) > 1:  # rows of one's own before those of a reference
        of_reference = [
            sum(bool(column.lines[it].first.reference) for it in pair) for pair in pairs
        ]
        pairs = [it for it, n in zip(pairs, of_reference, strict=True) if n == min(of_reference)]
    return pairs[0] if len(pairs) == 1 else None
