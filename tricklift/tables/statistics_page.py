"""The page's sections on how rows differ: against a baseline, step by step, ranks, claims."""

from collections.abc import Callable, Iterable, Sequence

from tricklift.markdown import grid, paragraphs, titled
from tricklift.paper import numbers
from tricklift.tables.analysis import Analysis
from tricklift.tables.claims import Verdict
from tricklift.tables.compare import COLUMNS, TITLES
from tricklift.tables.differences import MOST, Difference
from tricklift.tables.families import Family
from tricklift.tables.methods import method
from tricklift.tables.pairs import paper_gains
from tricklift.tables.power import ALPHA
from tricklift.tables.power_page import detectable, with_more
from tricklift.tables.ranks import Interval

MODEL = (
    "Differences are in points. An observation is one pretraining: its runs downstream are "
    "averaged first. {spread} Intervals of 95 % are in brackets; a difference with p up to 0.05 is "
    "decided, and **bold**. How well that holds: docs/statistics.md."
)
SPREADS = {
    "pooled": "Means are those of the table. Rows with a pretraining share one standard deviation "
    "over pretrainings, estimated from all of them; random init has its own.",
    "own": "Means are those of the table. Each row has its own standard deviation over "
    "pretrainings (Welch's t).",
    "paired": "Rows with a pretraining are compared within each of its seeds that both have, and "
    "over these alone; they share one standard deviation within seeds, estimated from all of them. "
    "Random init has its own, and is compared by all its values.",
}
APART = "Not within seeds, as the two share none, but by all their values"
CHECKPOINTS = (
    "{titles}: no row was pretrained more than once. What is said there holds for these "
    "checkpoints alone, and has no p: intervals, where there are any, are over the runs "
    "downstream, and another pretraining of the same rows may order them otherwise."
)
STEPS = (
    "Each row over the one below it in the ladder; one beside the ladder, over random init of its "
    "network."
)
TITLE = {"ladder": "Step by step", "all": "All pairs"}
ENOUGH = (
    "Pretrainings of each row that would decide, in four of five trials, a difference as large as "
    "the one seen (`-`: decided, or no p):"
)
OF_PAPER = (
    "The paper's gains between the same rows, to compare sign and order (ResNet-50: ImageNet, "
    "VOC07+12 with C4, ADE20K with FCN):"
)
RANKS = "1 is the best. Intervals of 95 % are by the bootstrap over pretrainings."


def section(analysis: Analysis) -> str:
    """All of it; empty where there is nothing to compare."""
    families = [it for it in analysis.families if it.differences]
    if not families:
        return paragraphs([_alone(analysis), _claims(analysis.verdicts)])
    several = len({family.tier for family in families}) > 1
    parts = [
        f"## How rows differ\n\n{_model(analysis, families)}",
        _checkpoints(families),
        _alone(analysis),
    ]
    for tier in dict.fromkeys(family.tier for family in families):
        of_tier = [family for family in families if family.tier == tier]
        for kind in dict.fromkeys(family.kind for family in of_tier):
            mine = [family for family in of_tier if family.kind == kind]
            parts += _of_kind(analysis, kind, mine, f": {tier}" if several else "")
        parts.append(with_more(of_tier, f": {tier}" if several else ""))
    parts += [_ranks(analysis, several), _claims(analysis.verdicts)]
    return paragraphs(parts)


def _spread(analysis: Analysis) -> str:
    return "paired" if analysis.question.paired else analysis.question.variance


def _model(analysis: Analysis, families: Sequence[Family]) -> str:
    if not any(_intervals(family) for family in families):
        return "Differences are in points."
    return MODEL.format(spread=SPREADS[_spread(analysis)])


def _intervals(family: Family) -> bool:
    return any(found.low is not None for found in family.differences)


def _checkpoints(families: Sequence[Family]) -> str:
    titles = dict.fromkeys(family.title for family in families if not family.tested)
    return CHECKPOINTS.format(titles=", ".join(titles)) if titles else ""


def _alone(analysis: Analysis) -> str:
    """Which rows nothing compares with."""
    several = len({tier for tier, _, _ in analysis.alone}) > 1
    told = [
        f"{row} in {title}{f' of {tier}' if several else ''}" for tier, title, row in analysis.alone
    ]
    why = "Not compared, as no other row has a run on the same data, of the same length"
    return f"{why}: {'; '.join(told)}." if told else ""


def _of_kind(
    analysis: Analysis, kind: str, families: Sequence[Family], suffix: str
) -> Iterable[str]:
    """The differences of one kind and tier, what they rest on, and what would decide the rest."""
    tier = families[0].tier
    title = TITLE.get(kind, f"Against {analysis.baselines[tier]}")
    yield f"### {title}{suffix}"
    steps = [STEPS] if kind == "ladder" else []
    yield " ".join([*steps, method(kind, families)])
    yield _table(kind, families, gain)
    if kind == "ladder":
        yield _of_paper(families)
    yield _apart(families)
    yield detectable(kind, families)
    if any(it.p is not None and not it.decided for of in families for it in of.differences):
        yield f"{ENOUGH}\n\n{_table(kind, families, _needed)}"


def _table(kind: str, families: Sequence[Family], write: Callable[[Difference], str]) -> str:
    """One line a pair, one column a metric."""
    found = [{(it.row, it.against): it for it in family.differences} for family in families]
    longest = sorted(found, key=len, reverse=True)  # top-1 has no step from random init
    pairs = dict.fromkeys(pair for column in longest for pair in column)
    body = [
        [
            *(pair[:1] if kind == "baseline" else pair),
            *(write(column[pair]) if pair in column else "-" for column in found),
        ]
        for pair in pairs
    ]
    names = ["row"] if kind == "baseline" else ["row", "over"]
    told = [line for line in body if set(line[len(names) :]) != {"-"}]
    return grid([*names, *(family.title for family in families)], told)


def gain(found: Difference) -> str:
    """`**+1.20 [+0.40, +2.00] p = 0.003**`, `+1.20` where nothing tells the spread."""
    text = f"{found.mean:+.2f}"
    if found.low is not None:
        text += f" [{found.low:+.2f}, {found.high:+.2f}]"
    if found.p is not None:
        text += f" {p_value(found.p)}"
    return f"**{text}**" if found.decided else text


def p_value(p: float) -> str:
    """`p = 0.012`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _needed(found: Difference) -> str:
    if found.p is None or found.decided:
        return "-"
    return str(found.needed) if found.needed else f"> {MOST}"


def _apart(families: Sequence[Family]) -> str:
    """The pairs of rows that share no seed, where others are compared within seeds."""
    pairs = dict.fromkeys(pair for family in families for pair in family.apart)
    told = "; ".join(f"{row} over {against}" for row, against in pairs)
    return f"{APART}: {told}." if pairs else ""


def _of_paper(families: Sequence[Family]) -> str:
    """The paper's gain of each step that it has."""
    pairs = dict.fromkeys((it.row, it.against) for of in families for it in of.differences)
    found = paper_gains(list(pairs))
    body = [
        [row, against, *(f"{gains[name]:+.2f}" for name in COLUMNS)]
        for (row, against), gains in found.items()
    ]
    table = grid(["row", "over", *TITLES.values()], body)
    return f"{OF_PAPER}\n\n{table}\n\nSource: {numbers.source()}." if body else ""


def interval(found: Interval, form: str = "{:g}") -> str:
    """`2 [1, 4]`, or `2` without an interval."""
    text = form.format(found.value)
    if found.low is None or found.high is None:
        return text
    return f"{text} [{form.format(found.low)}, {form.format(found.high)}]"


def _ranks(analysis: Analysis, several_tiers: bool) -> str:
    """The rows' places in each column, and how far they are those in top-1."""
    parts = []
    for tier in dict.fromkeys(it.tier for it in analysis.rankings):
        mine = [it for it in analysis.rankings if it.tier == tier]
        title = f"### Ranks{f': {tier}' if several_tiers else ''}"
        known = [it for it in mine if any(row.rank.low is not None for row in it.rows)]
        places = [{row.row: row.rank for row in it.rows} for it in known]
        labels = dict.fromkeys(label for column in places for label in column)
        body = [
            [label, *(interval(column[label]) if label in column else "-" for column in places)]
            for label in labels
        ]
        table = grid(["row", *(it.title for it in known)], body)
        told = [
            f"- {it.title}: {interval(it.with_top1, '{:+.2f}')}, {it.rows_with_top1} rows"
            for it in mine
            if it.with_top1
        ]
        if known or told:
            parts += [title, f"{RANKS}\n\n{table}" if known else ""]
        parts.append(titled("Spearman's rank correlation with top-1 over the rows:", told))
    return paragraphs(parts)


def _claims(verdicts: Sequence[Verdict]) -> str:
    """One line a claim."""
    body, missing = [], []
    for verdict in verdicts:
        claim, found = verdict.claim, verdict.difference
        if found is None:
            missing.append(claim.text)
            continue
        rows = f" ({found.row} over {found.against})" if claim.words else ""
        seen = gain(found).strip("*")
        body.append([claim.text + rows, str(verdict.title), verdict.said, seen, _needed(found)])
    header = ["claim", "metric", "verdict", "difference", "pretrainings a row that would decide"]
    note = f"Decided by p up to {ALPHA:.2f}, by Holm over the claims of a metric."
    left = "Not looked at, as no one pair of rows of these names was run"
    parts = [note, grid(header, body)] if body else []
    parts += [f"{left}: {'; '.join(missing)}."] if missing else []
    return paragraphs(["## Claims", *parts]) if parts else ""
