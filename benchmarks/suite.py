"""`python -m benchmarks speed`: which benches there are, running them, keeping what they found."""

import json
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import downstream, growth, index, inputs, report, step
from benchmarks.measure import Finding, Progress, prefixed
from tricklift.errors import UserError, did_you_mean
from tricklift.records.atomic import write_text
from tricklift.records.machine import machine as computer

#: Name on the command line -> what runs; each takes the data root and a sink for progress lines.
BENCHES: dict[str, list[Callable[[Path, Progress], Iterable[Finding]]]] = {
    "input": [inputs.bench],
    "step": [lambda root, say: step.bench(say), lambda root, say: step.bench_runner(say)],
    "det": [lambda root, say: downstream.bench_det(say)],
    "seg": [lambda root, say: downstream.bench_seg(say)],
    "index": [lambda root, say: index.bench(say)],
    "growth": [growth.bench],
}
ALL = "all"
RESULTS = "findings.json"


def chosen(name: str) -> list[str]:
    """The benches that a name on the command line stands for.

    Raises:
        UserError: Unknown name.
    """
    known = [*BENCHES, ALL]
    if name not in known:
        hint = did_you_mean(name, known)
        raise UserError(f"unknown bench {name!r}; known: {', '.join(known)}{hint}")
    return list(BENCHES) if name == ALL else [name]


def run(
    name: str, root: Path, out: Path, say: Progress, resume: bool = False
) -> list[dict[str, Any]]:
    """Measure, keep each bench's findings in `out` as soon as it is through, and return them.

    `resume` takes what is kept of this machine and these versions instead of measuring again.
    """
    measured = []
    for bench in chosen(name):
        kept = stored(out).get(bench)
        if resume and kept and kept["machine"] == machine():
            say(f"{bench}: kept from {kept['measured']}")
            measured += kept["findings"]
            continue
        parts = [part(root, prefixed(bench, say)) for part in BENCHES[bench]]
        fresh = [asdict(finding) for part in parts for finding in part]
        keep(out, bench, fresh)
        measured += fresh
    return measured


def keep(out: Path, bench: str, findings: list[dict[str, Any]]) -> None:
    """Put a bench's findings into the folder's file, in the place of older ones."""
    kept = stored(out)
    now = datetime.now(UTC).isoformat(timespec="minutes")
    kept[bench] = {"findings": findings, "measured": now, "machine": machine()}
    kept = {name: kept[name] for name in BENCHES if name in kept}
    write_text(out / RESULTS, json.dumps(kept, indent=2) + "\n")


def stored(out: Path) -> dict[str, Any]:
    """Bench -> `{findings, measured, machine}`, as kept in a folder; {} where nothing is.

    Raises:
        UserError: The file cannot be read.
    """
    file = out / RESULTS
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"{file} is not readable ({error}); remove it") from error


def machine() -> dict[str, Any]:
    """What it is measured on."""
    return {**computer(), "python": platform.python_version()}


ABOUT = """Measure our speed against what people use today.

Each figure is a ratio of two things that took turns.

\b
  input  JPEG to batch, per core: torchvision (PIL, v2) and timm
  step   a training step and the Runner's overhead: plain loops
  det    a detector's training step: mmdet's stock config
  seg    a segmenter's training step: mmseg's stock config
  index  opening ImageNet's list of images: torchvision's ImageFolder
  growth cost against workers, batch, image size and boxes
  all    each of them, in about 20 minutes on two cores

Nothing else should run on the machine meanwhile. Each bench is kept when it is through: what broke
off goes on with --missing.
"""


def speed(
    name: Annotated[str, typer.Argument(help="input, step, det, seg, index, growth or all.")],
    root: Annotated[
        Path, typer.Option(envvar="TRICKLIFT_ROOT", help="Data root, with imagenet-samples.")
    ] = Path("data"),
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder that keeps the findings.")
    ] = Path("bench"),
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON list instead of a table.")
    ] = False,
    page: Annotated[
        Path | None,
        typer.Option(help="Write all that is kept, with pictures, to this markdown page."),
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Measure only what --out lacks of this machine.")
    ] = False,
) -> None:
    terminal = Console(stderr=True)
    with terminal.status("starting") as status:

        def say(text: str) -> None:
            if terminal.is_terminal:
                status.update(text)
            else:
                print(text, file=sys.stderr, flush=True)

        findings = run(name, root, out, say, missing)
    if page is not None:
        kept = stored(out)
        curves = kept.get(report.CURVES, {"findings": []})["findings"]
        pictures = growth.plot(curves, page.parent / "images")
        write_text(page, report.page(kept, [file.name for file in pictures]))
    if as_json:
        print(json.dumps(findings, indent=2))
    else:
        sys.stdout.write(report.table(findings) + "\n")
    print(f"kept in {out}", file=sys.stderr)
