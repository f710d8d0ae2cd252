"""What the runs say about rows: differences, ranks, claims. Plain data for pages and reports."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from tricklift.errors import UserError, did_you_mean
from tricklift.paper import numbers
from tricklift.records.schema import RANDOM_INIT
from tricklift.tables.claims import UNDECIDED, Claim, Verdict, judge
from tricklift.tables.columns import Column, columns, labels
from tricklift.tables.compare import COLUMNS, DOWNSTREAM, Line, ladder
from tricklift.tables.differences import VARIANCES, Difference, Spread, family, model_of
from tricklift.tables.observations import Observations
from tricklift.tables.ranks import Interval, Ranked, correlation, ranking

PAIRS = ("ladder", "all", "baseline")


@dataclass(frozen=True)
class Question:
    """What is asked of the runs.

    Attributes:
        baseline: A label or a row's name; None: the lowest row of a known ladder that has a
            pretraining, else the first such row, else the first.
        pairs: Of `PAIRS`; None: all rows against the baseline, and the steps of a known ladder.
        paired: Whether differences are taken within each pretraining seed.
        variance: `pooled`, or `own` for rows that each have a spread of their own.
        claims: To be judged.
    """

    baseline: str | None = None
    pairs: str | None = None
    paired: bool = False
    variance: str = "pooled"
    claims: Sequence[Claim] = ()

    def __post_init__(self) -> None:
        if self.pairs not in (None, *PAIRS):
            raise UserError(f"--pairs takes {', '.join(PAIRS)}, got {self.pairs!r}")
        if self.variance not in VARIANCES:
            raise UserError(f"--variance takes {' or '.join(VARIANCES)}, got {self.variance!r}")
        if self.paired and self.variance == "own":
            raise UserError("--paired and --variance own are two models; leave one out")


@dataclass(frozen=True)
class Family:
    """Comparisons whose p hold together.

    Attributes:
        kind: `ladder`, `baseline`, `all` or `claims`.
        tier: Of the runs.
        metric: Of `COLUMNS`.
        title: The column's.
        tested: Whether observations are pretrainings. If not, each row has one pretraining,
            observations are its runs, and what is said holds for these checkpoints alone.
        spread: Standard deviation over observations of the rows with a pretraining, pooled.
        counts: Observations of each row.
        differences: One a pair.
    """

    kind: str
    tier: str
    metric: str
    title: str
    tested: bool
    spread: Spread | None
    counts: Mapping[str, int]
    differences: Sequence[Difference]


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


def analyse(lines: Sequence[Line], question: Question | None = None) -> Analysis:
    """Answers a question from the lines of the table.

    Raises:
        UserError: No row, or more than one, is called as the baseline.
    """
    question = question or Question()
    table = columns(lines, question.pairs == "all" or _names_a_head(question.baseline, lines))
    baselines = _baselines(lines, table, question.baseline)
    steps = {tier: ladder_steps(lines, tier) for tier in baselines}
    families = []
    for column in table:
        baseline, of_ladder = baselines[column.tier], steps[column.tier]
        for kind in (question.pairs,) if question.pairs else _kinds(column, baseline, of_ladder):
            pairs = _pairs(kind, column, baseline, of_ladder)
            families += _families(kind, column, pairs, question)
    several = [column for column in table if len(column.lines) > 1]
    return Analysis(
        question,
        baselines,
        families,
        [_ranking(column, table) for column in several],
        _verdicts(table, question),
        [(it.tier, it.title, next(iter(it.lines))) for it in table if len(it.lines) == 1],
    )


def _kinds(column: Column, baseline: str, steps: Sequence[tuple[str, str]]) -> list[str]:
    """What is looked at unless something is asked for: nothing twice."""
    pairs = {kind: _pairs(kind, column, baseline, steps) for kind in ("baseline", "ladder")}
    against, above = ({frozenset(pair) for pair in of_kind} for of_kind in pairs.values())
    return ["ladder"] if against == above else ["baseline", "ladder"]


def _families(
    kind: str, column: Column, pairs: Sequence[tuple[str, str]], question: Question
) -> list[Family]:
    if not pairs:
        return []
    rows = column.observations
    model, tested = model_of(rows, question.variance, question.paired)
    spread = next((model.spread(label) for label in rows if label in model.pretrained), None)
    counts = {label: len(model.samples[label]) for label in rows}
    found = family(model, kind, pairs, tested)
    return [Family(kind, column.tier, column.metric, column.title, tested, spread, counts, found)]


def _pairs(
    kind: str, column: Column, baseline: str, steps: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
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
            same = [other for other in below if _network(named[other]) == _network(named[label])]
            only = below if len(below) == len(here) == 1 else []
            found += [(label, other) for other in (same or only)[:1]]
    fresh = {_network(named[label]): label for label in rungs.get(RANDOM_INIT, ())}
    found += [
        (label, fresh[_network(named[label])])
        for label in rungs[None]
        if _network(named[label]) in fresh
    ]
    return found


def _network(line: Line) -> str:
    return str(line.first["backbone"])


def _baselines(lines: Sequence[Line], table: Sequence[Column], asked: str | None) -> dict[str, str]:
    """Tier -> its baseline."""
    found = {}
    for tier in dict.fromkeys(line.first["tier"] for line in lines):
        of_tier = [line for line in lines if line.first["tier"] == tier]
        known = ladder()
        ranked = sorted(
            zip(labels(of_tier), of_tier, strict=True),
            key=lambda it: (it[1].first["row"] == RANDOM_INIT, it[1].first["row"] not in known),
        )
        found[tier] = ranked[0][0]
        if asked is not None:
            names = {label for column in table if column.tier == tier for label in column.lines}
            rows = {label for label, line in ranked if line.first["row"] == asked}
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


def _names_a_head(baseline: str | None, lines: Sequence[Line]) -> bool:
    """Whether a baseline is a row with one head, so that heads are compared with it."""
    if baseline is None:
        return False
    across = columns(lines, across_heads=True)
    apart = {label for column in columns(lines) for label in column.lines}
    return baseline not in apart and any(baseline in column.lines for column in across)


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
    found: dict[Claim, list[Verdict]] = {claim: [] for claim in question.claims}
    for column in table:
        mine = [
            claim
            for claim in question.claims
            if claim.metric == column.metric
            and claim.row in column.lines
            and claim.against in column.lines
        ]
        pairs = list(dict.fromkeys((claim.row, claim.against) for claim in mine))
        for of_column in _families("claims", column, pairs, question):
            by_pair = {(it.row, it.against): it for it in of_column.differences}
            for claim in mine:
                seen = by_pair[claim.row, claim.against]
                found[claim].append(Verdict(claim, column.title, judge(claim, seen), seen))
    return [
        verdict
        for claim, seen in found.items()
        for verdict in seen or [Verdict(claim, None, UNDECIDED, None)]
    ]


def paper_gains(steps: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, float]]:
    """What each step brought in the paper, by metric, where it has both rows."""
    known = numbers.transfer_rows()
    found = {}
    for row, against in steps:
        if row in known and against in known:
            after, before = numbers.transfer(row), numbers.transfer(against)
            found[row, against] = {metric: after[metric] - before[metric] for metric in after}
    return found
