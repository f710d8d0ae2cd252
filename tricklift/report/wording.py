"""Numbers and verdicts in words, the same in all sections."""

from collections.abc import Mapping

from tricklift.tables.differences import Difference

#: Verdict -> how it is told, and the mark beside it: never colour alone.
SAID = {"gain": "better", "loss": "worse", "open": "undecided", "alone": "these checkpoints alone"}
MARKS = {"gain": "▲", "loss": "▼", "open": "○", "alone": "○"}
MINUS = "\N{MINUS SIGN}"


def signed(value: float, digits: int = 1) -> str:
    """`+2.9`, with a minus sign that is as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", MINUS)


def span(found: Difference, digits: int = 1) -> str:
    """`[+2.1, +3.7]`, empty where nothing tells the spread."""
    if found.low is None or found.high is None:
        return ""
    return f"[{signed(found.low, digits)}, {signed(found.high, digits)}]"


def verdict(found: Difference) -> str:
    """Of `SAID`: `open` where p is above 5 %, `alone` where there is no p."""
    if found.p is None:
        return "alone"
    if not found.decided:
        return "open"
    return "gain" if found.mean > 0 else "loss"


def told(found: Difference, title: str) -> str:
    """`+2.9 [+2.1, +3.7] top-1: better`."""
    text = f"{signed(found.mean)} {span(found)}".strip()
    return f"{text} {title}: {SAID[verdict(found)]}"


def size(value: float | None) -> str:
    """A number for reading: three digits that count."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def hours(value: float) -> str:
    """`19.0 hours`, `12.7 minutes`."""
    return f"{size(value)} hours" if value >= 1 else f"{size(60 * value)} minutes"


def sample(value: Mapping[str, float]) -> str:
    """`n=3`, `n=3, 5 runs`, `3 runs`: what a mean is over."""
    told = [f"n={value['n']}"] if value["n"] > 1 else []
    told += [f"{value['runs']} runs"] if value["runs"] > value["n"] else []
    return ", ".join(told)
