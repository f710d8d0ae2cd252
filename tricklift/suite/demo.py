"""The main job on embedded data, from nothing to the table: `tricklift demo`."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tricklift.data import prepare
from tricklift.records.atomic import write_text
from tricklift.records.machine import cores

#: What it runs.
TIER = "demo"


def demo(out: str | Path, max_parallel: int | None = None, log_to: Sequence[str] = ()) -> None:
    """MiniWorld, pretraining, export, transfer and the table, all in `out`.

    Args:
        out: Output folder.
        max_parallel: Jobs at the same time; None: two, which is faster than one after another with
            both cores, or one on one core.
        log_to: Trackers that the trainings write to.

    Raises:
        UserError: A tracker takes no runs.
        JobFailed: A job ended with an error; the same call resumes.
    """
    from tricklift.log_to import check
    from tricklift.suite.engines.local import Local  # slow to import, and `prepare` needs none
    from tricklift.suite.run import run
    from tricklift.tables.compare import compare
    from tricklift.tables.page import render

    out = Path(out)
    check(log_to)
    with_progress("miniworld", out / "data")
    typed = ["run", TIER, "--out", str(out / "runs"), "--root", str(out / "data")]
    typed += ["--log-to", ",".join(log_to)] if log_to else []
    engine = Local(max_parallel=max_parallel or min(2, cores()))
    run(TIER, out / "runs", out / "data", engine, typed=typed, log_to=log_to)
    rows, records = compare(out / "runs")
    for style in ("md", "json"):
        write_text(out / f"table.{style}", render(rows, records, style, out / "runs"))
    print(
        f"Everything is in {out}: the page in {out / 'table.md'} and table.json, each run in "
        f"{out / 'runs'}/<task>, exported backbones in {out / 'runs' / 'exports'}"
    )


def with_progress(name: str, root: str | Path, source: Path | None = None) -> Path:
    """`prepare` with a line for each step and a progress bar, both on stderr."""
    console = Console(stderr=True)  # elsewhere than in a terminal the bar would be empty lines
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"preparing {name}", total=None)

        def say(line: str) -> None:
            bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
            bar.reset(task, total=None)

        return prepare.prepare(
            name,
            root,
            lambda done, total: bar.update(task, completed=done, total=total),
            source=source,
            say=say,
        )
