"""`tricklift demo` from the command line: all jobs, two at a time, and the table; then again."""

import json
from functools import partial
from pathlib import Path

import pytest

from tricklift.cli import main
from tricklift.data import miniworld
from tricklift.suite import demo as suite_demo
from tricklift.suite.demo import in_words
from tricklift.tables.compare import COLUMNS


def demo(*arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(["demo", *arguments])
    assert not end.value.code


def test_the_demo_ends_with_its_table_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
):
    # The same jobs on fewer pictures, a few steps each.
    monkeypatch.setattr(suite_demo, "TIER", "smoke")
    sizes = miniworld.MiniWorldSizes(64, 24, 24, 12, 12, 12)
    monkeypatch.setattr(miniworld, "generate", partial(miniworld.generate, sizes=sizes))
    out = tmp_path / "out"
    demo("--out", str(out), "--jobs", "2", "--log-to", "tensorboard")
    rows = json.loads((out / "table.json").read_text())["rows"]
    assert [row["row"] for row in rows] == ["random init", "D-tricks"]
    assert all(rows[1][metric]["n"] == 1 for metric in COLUMNS)
    page = (out / "table.md").read_text()
    assert f"tricklift demo --out {out} --jobs 2 --log-to tensorboard" in page
    logs = [file.read_text() for file in (out / "runs" / "logs").glob("*_seed0.log")]
    assert len(logs) == 5 and all(" --log-to tensorboard " in text for text in logs)
    printed = capfd.readouterr().out
    assert page in printed
    values = [row["voc_map"]["mean"] for row in rows]
    wanted = f"mAP goes from {values[0]:.1f} (random init), to {values[1]:.1f} (D-tricks)"
    (sentence,) = (
        line for line in printed.splitlines() if line.startswith("In words, over 1 seed")
    )
    assert wanted in sentence and "top-1" not in sentence  # which only one row has
    *_, where, report = printed.splitlines()
    assert where.startswith(f"Everything is in {out}: the table in {out}/table.md")
    assert report.endswith(f": {out}/report.html")
    assert "D-tricks" in (out / "report.html").read_text()

    demo("--out", str(out))  # without the tracker nothing is another run
    assert capfd.readouterr().out.count("already done") == 6
    assert json.loads((out / "table.json").read_text())["rows"] == rows


def test_a_table_in_words():
    def row(name: str, *means: float | None) -> dict[str, object]:
        metrics = [None if mean is None else {"mean": mean, "std": 1.0, "n": 3} for mean in means]
        return {"row": name, **dict(zip(COLUMNS, metrics, strict=True))}

    rows = [row("random init", None, 9.96, None, 7.0), row("B", 55.0, 41.0, None, 20.06)]
    assert in_words([*rows, row("D", 57.25, 48.5, None, 31.5)]) == (
        "In words, over 3 seeds: top-1 goes from 55.0 (B), to 57.2 (D); "
        "mAP goes from 10.0 (random init), to 41.0 (B), to 48.5 (D); "
        "mIoU goes from 7.0 (random init), to 20.1 (B), to 31.5 (D)."
    )
