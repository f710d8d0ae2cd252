"""Findings as a table for the console and as the page `docs/performance.md`."""

from typing import Any

from benchmarks.operators import limit
from tricklift.markdown import grid

HEADER = ["bench", "case", "ours", "peer", "unit", "ratio", "wall s", "CPU s", "target", "met"]
CURVES = "growth"
INTRO = """Written by `python -m benchmarks speed all --page docs/performance.md`. Ours and the
peer take turns in one process, after one round that does not count, for at least five rounds;
figures are medians, and a ratio (above 1: ours is better) is taken within each round and shown
with its smallest and largest value. Seconds are those of one round, ours / the peer's; CPU seconds
are of all threads. Peers run from the installed libraries as their users run them, in the same
versions of everything.

Where a run spends its time, phase by phase: [profile.md](profile.md)."""
LIMITS = """## Where a step's time goes

Milliseconds of one call in torch's operators, without the operators that each calls, from one
call under the profiler."""


def table(findings: list[dict[str, Any]]) -> str:
    """A markdown table, one line a finding."""
    return grid(HEADER, [_line(finding) for finding in findings])


def _line(finding: dict[str, Any]) -> list[str]:
    ratio = finding["ratio"]
    met = {None: "", True: "yes", False: "**no**"}[finding["met"]]
    at = finding.get("at")
    return [
        finding["bench"],
        finding["case"] if at is None else f"{finding['case']}: {at:g}",
        number(finding["ours"]),
        "" if finding["peer"] is None else number(finding["peer"]),
        finding["unit"],
        f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})" if ratio else "",
        *(" / ".join(map(number, finding.get(kind, {}).values())) for kind in ("wall", "cpu")),
        finding["target"],
        met,
    ]


def missed(findings: list[dict[str, Any]]) -> str:
    """The targets that are not met, each with the measurement that says why."""
    lines = []
    for finding in findings:
        if finding["met"] is not False:
            continue
        line = f"- {finding['bench']}: {finding['case']}: {outcome(finding)}, {finding['target']}. "
        if finding.get("split"):
            ratio, share = limit(finding["split"])
            line += (
                f"Convolutions and matrix products alone have a ratio of {ratio:.2f}, and are "
                f"{share:.0%} of ours (the table below)."
            )
        else:
            line += "; ".join(
                f"{each['case']}: {outcome(each)}" for each in findings if bounds(each, finding)
            )
        lines.append(line.rstrip())
    return "\n".join(["## Targets that are not met\n", *lines]) if lines else ""


def outcome(finding: dict[str, Any]) -> str:
    """What came out: the ratio, or ours and what it is held against."""
    if finding["ratio"]:
        return f"{finding['ratio']['median']:.2f}"
    own, peer = finding["ours"], finding["peer"]
    if not peer:
        return number(own)
    return f"{number(own)} and {number(peer)}, {own / peer - 1:+.2%}"


def bounds(limiting: dict[str, Any], finding: dict[str, Any]) -> bool:
    """Whether a line named `limit: ...` limits a finding: same bench, size and peer."""
    where, _, what = limiting["case"].partition("limit: ")
    peers = {each["case"].rpartition("against ")[2] for each in (limiting, finding)}
    alike = limiting["bench"] == finding["bench"] and finding["case"].startswith(where)
    return alike and bool(what) and len(peers) == 1


def limits(findings: list[dict[str, Any]]) -> str:
    """For each finding that has it: the groups of operators, ours beside the peer's."""
    texts = []
    for finding in findings:
        split = finding.get("split")
        if not split:
            continue
        lines = [
            [name, f"{own:.0f}", f"{other:.0f}", f"{other / own:.2f}" if own else ""]
            for name, (own, other) in split.items()
        ]
        own, other = (sum(pair[side] for pair in split.values()) for side in (0, 1))
        lines.append(["**all**", f"{own:.0f}", f"{other:.0f}", f"{other / own:.2f}"])
        title = f"### {finding['bench']}: {finding['case']}"
        texts.append(f"{title}\n\n{grid(['operators', 'ours', 'peer', 'ratio'], lines)}")
    return "\n\n".join([LIMITS, *texts]) if texts else ""


def number(value: float) -> str:
    """Three significant figures."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def page(kept: dict[str, Any], curves: list[str]) -> str:
    """The page of what `suite.stored` gives, with the names of the pictures beside it."""
    findings = [
        finding for bench, part in kept.items() if bench != CURVES for finding in part["findings"]
    ]
    machines = [
        f"- {bench}: {part['machine']['cpu']}, {part['machine']['cores']} cores, torch "
        f"{part['machine']['torch']}, Python {part['machine']['python']}; {part['measured']}"
        for bench, part in kept.items()
    ]
    pictures = "\n".join(f"![{name}](images/{name})" for name in curves)
    parts = [
        f"# Performance\n\n{INTRO}",
        table(findings),
        missed(findings),
        limits(findings),
        f"## How cost grows\n\n{pictures}" if pictures else "",
        "What to switch on where there is a GPU: [gpu.md](gpu.md).",
        "## Machine\n\n" + "\n".join(machines),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
