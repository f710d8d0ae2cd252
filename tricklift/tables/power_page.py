"""The page's tables on what the data could have told, and what more of them could."""

from collections.abc import Sequence

from tricklift.markdown import grid
from tricklift.tables.families import Family

FOUND = (
    "The smallest true gain that is found in four of five trials, with as many pretrainings as "
    "here (the mean over rows with a pretraining): by an interval of its own, and by p where "
    "{looked}.{within}"
)
WITHIN = (
    " Within seeds: the standard deviation (degrees of freedom) that is left once what a seed does "
    "to all rows alike is taken off; `--paired` compares by it."
)
MORE = (
    "The smallest true gain of one row over another that an interval of its own finds in four of "
    "five trials, with so many pretrainings of each row, if they vary as these do:"
)
#: Pretrainings a row to plan with.
OUTLOOK = (3, 5, 10, 20, 50)


def detectable(kind: str, families: Sequence[Family]) -> str:
    """What each metric's differences had to be, for the data to tell."""
    known = [
        (it, alone, of_all)
        for it in families
        if (alone := it.typical("alone")) is not None
        and (of_all := it.typical("detectable")) is not None
    ]
    header = ["metric", "standard deviation", "degrees of freedom", "pretrainings a row"]
    header += ["smallest gain, by itself", "smallest gain, of all"]
    body = [
        [it.title, *_chance(it), f"{alone:.2f}", f"{of_all:.2f}"] for it, alone, of_all in known
    ]
    within = any(it.within for it, _, _ in known)
    if within:
        header.append("within seeds")
        for line, (it, _, _) in zip(body, known, strict=True):
            line.append(f"{it.within.sd:.2f} ({it.within.df:.0f})" if it.within else "-")
    looked = {"ladder": "all steps are looked at", "all": "all pairs are"}
    text = FOUND.format(looked=looked.get(kind, "all rows are"), within=WITHIN if within else "")
    return f"{text}\n\n{grid(header, body)}" if body else ""


def _chance(family: Family) -> list[str]:
    """What rows vary by: standard deviation, its degrees of freedom, pretrainings a row."""
    spread = family.spread
    counts = sorted({family.counts[label] for label in family.pretrained})
    return [
        *((f"{spread.sd:.2f}", f"{spread.df:.0f}") if spread else ("-", "-")),
        "-".join(map(str, dict.fromkeys((counts[0], counts[-1])))),
    ]


def with_more(families: Sequence[Family], suffix: str) -> str:
    """What more pretrainings could tell; the same for all kinds of families."""
    of_metric = {family.title: family for family in families}.values()
    sizes = {it.title: [it.with_more(count) for count in OUTLOOK] for it in of_metric}
    body = [
        [title, *(f"{size:.2f}" for size in found if size is not None)]
        for title, found in sizes.items()
        if None not in found
    ]
    table = grid(["metric", *map(str, OUTLOOK)], body)
    return f"### More pretrainings{suffix}\n\n{MORE}\n\n{table}" if body else ""
