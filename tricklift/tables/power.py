"""What a two-sided t test finds, and how often."""

from functools import cache

#: Of intervals, and of all decisions of a family together.
CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
#: How often a difference of the smallest detectable size is found.
POWER = 0.8


def power(shift: float, df: float, level: float) -> float:
    """How often a two-sided t test at a level finds a difference of so many standard errors."""
    from scipy import special, stats

    critical = stats.t.isf(level / 2, df)
    # of the wrong sign: below 1e-16 from 5 on, where scipy gives no number
    wrong = special.nctdtr(df, shift, -critical) if shift < 5 else 0.0
    return float(1 - special.nctdtr(df, shift, critical) + wrong)


@cache
def detectable(df: float, level: float = ALPHA) -> float:
    """The difference, in standard errors, that such a test finds in four of five trials."""
    from scipy import optimize, stats

    # with few degrees of freedom the estimate of the spread adds to what the normal would need
    highest = 3 * float(stats.t.isf(level / 2, df)) + 4
    return float(optimize.brentq(lambda shift: power(shift, df, level) - POWER, 0.0, highest))
