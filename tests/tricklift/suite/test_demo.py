"""`tricklift demo` from the command line: all jobs, two at a time, and the table; then again."""

import json
from functools import partial
from pathlib import Path

import pytest

from tricklift.cli import main
from tricklift.data import miniworld
from tricklift.suite import demo as suite_demo
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
    table = page.partition("\n| row ")[2].partition("\n\n")[0]
    assert table in printed and "## " not in printed
    gain = rows[1]["voc_map"]["mean"] - rows[0]["voc_map"]["mean"]
    assert f"D-tricks over random init: {gain:+.1f} mAP" in printed
    compared, report = printed.splitlines()[-2:]
    assert f"the page in {out}/table.md" in printed
    assert compared.endswith(f"tricklift compare {out}/runs")
    assert report.endswith(f": {out}/report.html")
    assert "D-tricks" in (out / "report.html").read_text()

    demo("--out", str(out))  # without the tracker nothing is another run
    assert capfd.readouterr().out.count("already done") == 6
    assert json.loads((out / "table.json").read_text())["rows"] == rows
