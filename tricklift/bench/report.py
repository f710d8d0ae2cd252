"""Findings as a table for the console and as the page `docs/performance.md`."""

from typing import Any

from tricklift.tables.text import grid

HEADER = ["bench", "case", "ours", "peer", "unit", "ratio", "CPU s, ours / peer", "target", "met"]


def table(findings: list[dict[str, Any]]) -> str:
    """A markdown table, one line a finding."""
    return grid(HEADER, [_line(finding) for finding in findings])


def _line(finding: dict[str, Any]) -> list[str]:
    ratio, cpu = finding["ratio"], list(finding.get("cpu", {}).values())
    met = {None: "", True: "yes", False: "**no**"}[finding["met"]]
    return [
        finding["bench"],
        finding["case"],
        number(finding["ours"]),
        "" if finding["peer"] is None else number(finding["peer"]),
        finding["unit"],
        f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})" if ratio else "",
        " / ".join(number(value) for value in cpu),
        finding["target"],
        met,
    ]


def number(value: float) -> str:
    """Three significant figures."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def page(kept: dict[str, Any], curves: list[str], notes: str = "") -> str:
    """The page: how it was measured, all findings, the pictures, and what explains a miss.

    Args:
        kept: What `tricklift.bench.suite.stored` gives.
        curves: Names of picture files beside the page.
        notes: Markdown that stands at the end.
    """
    findings = [finding for part in kept.values() for finding in part["findings"]]
    machines = [
        f"- {bench}: {part['machine']['cpu']}, {part['machine']['cores']} cores, torch "
        f"{part['machine']['torch']}, Python {part['machine']['python']}; {part['measured']}"
        for bench, part in kept.items()
    ]
    pictures = "\n".join(f"![{name}](images/{name})" for name in curves)
    parts = [
        "# Performance",
        "Written by `tricklift bench all --page docs/performance.md`. Ours and the peer take turns "
        "in one process, after one round that does not count, for at least five rounds; figures "
        "are medians, and a ratio (above 1: ours is better) is taken within each round and shown "
        "with its smallest and largest value. Peers run from the installed libraries as their "
        "users run them.",
        table(findings),
        "## Machine\n\n" + "\n".join(machines),
        f"## How cost grows\n\n{pictures}" if pictures else "",
        notes,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
