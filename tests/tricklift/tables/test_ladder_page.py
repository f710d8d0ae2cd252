"""The page's section on a ladder: rows are compared head by head, within a tier."""

from pathlib import Path

from tricklift.tables import page as tables
from tricklift.tables.compare import build_rows, lines
from tricklift.tables.ladder_page import section
from tricklift.tables.records import Record

ROWS = ("B-standard", "D-efficient", "+ cosine")
C4, FPN = "faster_rcnn_c4", "faster_rcnn_fpn"


def page(runs: list[Record], folder: Path) -> str:
    return tables.to_markdown(build_rows(runs), runs, folder)


def heads(run, rows: dict[str, dict[str, float]], **changes) -> list[Record]:
    """Detection runs: row -> config -> value."""
    return [
        run(row, "det", value, config=f"{config}.py", config_hash=f"{row}{config}", **changes)
        for row, values in rows.items()
        for config, value in values.items()
    ]


def pretrained(run, **changes) -> list[Record]:
    return [run(row, "cls", 80.0 + place, **changes) for place, row in enumerate(ROWS)]


def test_the_page_has_the_steps(run, tmp_path):
    runs = [run("B-standard", "cls", 80.0), run("B-standard", "det", 40.0)]
    runs += [run("D-efficient", "cls", 82.0), run("D-efficient", "det", 41.5)]
    text = page(runs, tmp_path)
    assert "## Step by step\n\nGain over the row above" in text
    assert "| row | top-1 | mAP | pixAcc | mIoU |" in text
    assert "| D-efficient | +2.00 | +1.50 | - | - |" in text
    # 77.16 - 76.14, 78.30 - 77.54, 78.88 - 78.08, 38.88 - 37.05: Tables 8 and 9
    assert "The paper's gains between the same rows" in text
    assert "| D-efficient | +1.02 | +0.76 | +0.80 | +1.83 |" in text
    assert "Source: arXiv:1812.01187 Table 8; arXiv:1812.01187 Table 9 (figures not" in text
    runs += [run("B-standard", "seg", 30.0), run("D-efficient", "seg", 31.0)]
    # without a second seed there is no interval to explain
    assert "pretrained once" not in page(runs, tmp_path)


def test_steps_are_of_one_head(run):
    runs = pretrained(run)
    runs += heads(run, {ROWS[0]: {C4: 40.0, FPN: 50.0}, ROWS[1]: {C4: 41.0, FPN: 53.0}})
    runs += heads(run, {ROWS[2]: {FPN: 54.5}})
    text = section(lines(runs))
    paper = text.index("The paper's gains"), text.index("Spearman")
    assert "| + cosine | +0.75 | +0.93 | +0.37 | +0.45 |" in text[slice(*paper)]
    assert (text[: paper[0]] + text[paper[1] :]).splitlines()[4:] == [
        f"| row | top-1 | mAP ({C4}) | mAP ({FPN}) | pixAcc | mIoU |",
        "| --- | --- | --- | --- | --- | --- |",
        "| D-efficient | +1.00 | +1.00 | +3.00 | - | - |",
        "| + cosine | +1.00 | - | +1.50 | - | - |",
        "",
        "Spearman's rank correlation with top-1 over the rows (p two-sided):",
        "",
        # of 3! = 6 orders one is as good, and its reverse as far: p = 2 / 6
        f"- mAP ({FPN}): +1.00 (p = 0.333, exact), 3 rows",
    ]


def test_rows_with_a_leaf_of_their_own_share_its_head(run):
    full = {
        "B-standard": {f"{C4}-b-standard": 77.0, f"{FPN}-b-standard": 80.0},
        "D-efficient": {f"{C4}-d-efficient": 78.0, f"{FPN}-d-efficient": 80.5},
    }
    runs = heads(run, full, tier="full")
    runs.append(run("random init", "det", 50.0, origin=None, tier="full", config=f"{C4}.py"))
    text = section(lines(runs))
    assert f"| row | top-1 | mAP ({C4}) | mAP ({FPN}) | pixAcc | mIoU |" in text
    assert "| B-standard | - | +27.00 | - | - | - |" in text
    assert "| D-efficient | - | +1.00 | +0.50 | - | - |" in text


def test_a_head_with_other_options_is_no_step(run):
    runs = heads(run, {"B-standard": {C4: 40.0}, "D-efficient": {C4: 41.0}})
    assert "| D-efficient | - | +1.00 |" in section(lines(runs))
    runs.append(run("D-efficient", "det", 90.0, config=f"{C4}.py", config_hash="other options"))
    assert section(lines(runs)) == ""


def test_tiers_are_kept_apart(run):
    falling = {row: {FPN: 50.0 - place} for place, row in enumerate(ROWS)}
    rising = {row: {FPN: 50.0 + place} for place, row in enumerate(ROWS)}
    runs = pretrained(run) + heads(run, falling)
    runs += pretrained(run, tier="mini") + heads(run, rising, tier="mini")
    mini, small = section(lines(runs)).split("## Step by step: small")
    assert mini.startswith("## Step by step: mini\n\nGain over")
    assert "| D-efficient | +1.00 | +1.00 | - | - |" in mini
    assert "- mAP: +1.00 (p = 0.333, exact), 3 rows" in mini
    assert "| D-efficient | +1.00 | -1.00 | - | - |" in small
    assert "- mAP: -1.00 (p = 0.333, exact), 3 rows" in small
    assert "B-standard |" not in mini + small  # the lowest rung of each


def test_runs_of_other_lengths_are_not_compared(run):
    runs = pretrained(run) + heads(run, {row: {FPN: 50.0 + n} for n, row in enumerate(ROWS)})
    assert "Not compared" not in section(lines(runs))
    runs[-1].data["epochs"] = 2
    text = section(lines(runs))
    assert "| + cosine | +1.00 | - | - | - |" in text
    assert (
        "Not compared, as their runs differ in data or length: D-efficient and + cosine in mAP."
        in text
    )
    assert "Spearman" not in text


def test_rows_that_the_paper_lacks_have_no_gain_of_its(run):
    runs = heads(run, {"B-baseline": {FPN: 40.0}, "D-tricks": {FPN: 41.0}})
    text = section(lines(runs))
    assert "| D-tricks | - | +1.00 |" in text
    assert "The paper's" not in text


def test_networks_that_share_a_row_are_no_ladder(run):
    runs = heads(run, {"B-standard": {C4: 40.0}, "D-efficient": {C4: 41.0}})
    runs.append(run("D-efficient", "det", 42.0, backbone="other"))
    assert section(lines(runs)) == ""


def test_the_page_says_what_the_intervals_leave_out(run, tmp_path):
    runs = [run(row, "cls", 80.0) for row in ROWS[:2]]
    runs += [run(row, "det", 40.0, seed) for row in ROWS[:2] for seed in (0, 1)]
    assert "Each row was pretrained once: the intervals cover" in page(runs, tmp_path)
    runs.append(run("D-efficient", "cls", 81.0, seed=1))
    text = page(runs, tmp_path)
    assert "pretrained once" not in text
    assert "averaged per pretraining first, and the interval is over pretrainings" in text


def test_the_page_says_whether_rows_differ_at_all(run):
    runs = pretrained(run)
    runs += [
        run(row, "det", 10.0 * place + seed, seed)
        for place, row in enumerate(ROWS[:3])
        for seed in (0, 1)
    ]
    runs += [run("random init", "det", 90.0 * seed, seed, origin=None) for seed in (0, 1)]
    text = section(lines(runs))
    # of 3! ^ 2 = 36 ways to shuffle the rows within two seeds, 6 have one order in both
    line = "- mAP: p = 0.167, 3 rows, 2 values each"
    assert line in text.partition("Do the pretrained rows differ at all?")[2]
