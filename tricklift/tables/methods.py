"""In words: what makes the intervals and p of a kind of comparison, and of which rows."""

from collections.abc import Sequence

from tricklift.tables.families import Family

LADDER = (
    "An interval holds by itself, p (Holm) for all steps of a metric: an interval may leave out 0 "
    "and the step be undecided."
)
NAMED = {
    "dunnett": "Dunnett's test: intervals and p hold",
    "tukey": "Tukey's test: intervals and p hold",
    "sidak": "Intervals and p (Sidak) hold",
}
TOGETHER = {"baseline": "for all rows together", "all": "for all pairs together"}


def method(kind: str, families: Sequence[Family]) -> str:
    """Of one kind's families, one a metric; metrics are named where theirs differ.

    Rows that the test does not hold for are named. Empty where nothing tells the spread.
    """
    tests: dict[str, list[Family]] = {}
    for family in families:
        told = [it.test for it in family.differences if it.test]
        if told:
            main = next((test for test in told if test != "sidak"), "sidak")
            tests.setdefault(main, []).append(family)
    if kind not in TOGETHER:
        return LADDER if tests else ""
    texts = {test: f"{NAMED[test]} {TOGETHER[kind]}{_beside(test, tests[test])}." for test in tests}
    if len(texts) == 1:
        return next(iter(texts.values()))
    metrics = {test: ", ".join(family.title for family in tests[test]) for test in tests}
    return " ".join(f"{metrics[test]}: {text}" for test, text in texts.items())


def _beside(test: str, families: Sequence[Family]) -> str:
    told = [it for family in families for it in family.differences if it.test]
    inside = {row for it in told if it.test == test for row in (it.row, it.against)}
    rows = dict.fromkeys(row for it in told for row in (it.against, it.row))
    beside = ", ".join(row for row in rows if row not in inside)
    return f"; beside it (Sidak): {beside}" if beside else ""
