"""Rows with several heads: what is compared with what, and which baselines there are to choose."""

import csv
import io

import pytest
from left_runs import left

from tricklift.report import answers
from tricklift.report.headline import answer
from tricklift.report.page import render
from tricklift.report.sections import curves, runs, transfer
from tricklift.report.study import Study, read
from tricklift.tables.analysis import Question

HEADS = ("c4.py", "fpn.py")


@pytest.fixture
def heads(run):
    """Rows with a pretraining and detection runs with each of two heads, FPN 5 points higher."""

    def made(rows, seeds=(0, 1)):
        found = []
        for row, value in rows.items():
            for seed in seeds:
                found.append(run(row, "cls", value + seed, seed))
                found += [
                    run(row, "det", value + 5 * place + seed, seed, seed, config=head)
                    for place, head in enumerate(HEADS)
                ]
        return found

    return made


def gains(study, tier="small"):
    """Row's label and head -> baseline -> mean difference of mAP."""
    table = transfer.table(study, tier)
    place = table.titles.index("mAP")
    return {
        (entry.label, entry.line.head("det")): {
            name: found.mean for name, found in entry.cells[place].gains.items() if found
        }
        for entry in table.entries
    }


def test_the_heads_of_a_single_row_are_compared(heads, tmp_path):
    """A baseline is taken from what compares: top-1 has one row, mAP has two."""
    study = Study(tmp_path, heads({"B-standard": 40.0}))
    found = answer(study, "small")
    assert (found.row, found.baseline) == ("B-standard (fpn)", "B-standard (c4)")
    assert [(said.title, said.found.mean) for said in found.said] == [("mAP", 5.0)]
    assert "Steps as numbers" not in render(study) and "Gains as numbers" in render(study)


def test_a_baseline_without_a_value_has_no_numbers(run, tmp_path):
    records = [run(row, "det", value) for row, value in (("a", 40.0), ("b", 44.0), ("c", None))]
    study = Study(tmp_path, records, Question(baseline="c"))
    text = render(study)
    assert "Nothing to compare yet" in text and "Gains as numbers" not in text
    assert "the dashed line" not in text
    assert transfer.table(study, "small").baselines == ["a", "b", "c"]
    assert answer(Study(tmp_path, records), "small").baseline == "a"


def test_a_baseline_with_one_head_and_all_others_to_choose(heads, tmp_path):
    rows = {"B-standard": 40.0, "mine": 42.0}
    study = Study(tmp_path, heads(rows), Question(baseline="B-standard (fpn)"))
    found = answer(study, "small")
    assert (found.row, found.baseline) == ("mine (fpn)", "B-standard (fpn)")
    assert [(said.title, said.found.mean) for said in found.said] == [("mAP", 2.0)]
    told = gains(study)
    assert told["mine", "fpn"] == {"B-standard (c4)": 7, "B-standard (fpn)": 2, "mine (c4)": 5}
    assert told["B-standard", "c4"] == {"B-standard (fpn)": -5, "mine (c4)": -2, "mine (fpn)": -7}


def test_rows_that_share_no_seed_have_a_report(run, tmp_path):
    """`b` and `c` share no seed with each other, and each one has some with the baseline."""
    seeds = {"a": (0, 1, 2, 3), "b": (0, 1), "c": (2, 3)}
    records = [
        run(row, "cls", 40.0 + seed % 2 * len(row) + 2 * (row == "b") + seed**2, seed)
        for row, held in seeds.items()
        for seed in held
    ]
    study = Study(tmp_path, records, Question(paired=True))
    assert "one standard deviation within seeds" in render(study)
    table = transfer.table(study, "small")
    assert table.baseline == "a" and table.baselines == ["a", "b", "c"]


def test_rows_of_one_name_with_two_configs_of_one_file(run, tmp_path):
    records = [
        run("mine", "det", 40.0 + lr, backbone=name, config_hash=f"{lr}", config="fpn.py")
        for name in ("x", "y")
        for lr in (1, 2)
    ]
    found = answer(Study(tmp_path, records), "small")
    assert found.baseline == "mine (x, fpn 1)" and found.row.startswith("mine (y, fpn")


def test_all_tricks_are_those_of_the_whole_ladder(run, heads, tmp_path):
    def told(*rows):
        records = [run(row, "cls", 40.0 + place) for place, row in enumerate(rows)]
        return answer(Study(tmp_path, records), "small").all_tricks

    assert told("B-baseline", "D-tricks") and told("B-standard", "+ mixup w/ distill")
    assert not told("B-standard", "D-efficient")
    assert not answer(Study(tmp_path, heads({"D-tricks": 40.0})), "small").all_tricks


@pytest.fixture(scope="module")
def two_heads(tiny_root, tmp_path_factory):
    """Two rows with a pretraining each and runs with two heads, all with files beside them."""
    out = tmp_path_factory.mktemp("heads")
    for row, (name, places) in enumerate({"plain (as it is)": (0, 1), "best": (2, 3)}.items()):
        left(out, tiny_root, "cls", name, row)
        for head, place in zip(HEADS, places, strict=True):
            folder = left(out, tiny_root, "det", name, place, config=head, config_hash=head)
            config = (folder / "det.py").read_text() + f"head = '{head}'\n"
            (folder / head).write_text(config)
    return read(out, Question(baseline="plain (as it is)"))


def test_a_run_is_listed_once_beside_the_baselines_of_its_head(two_heads):
    listed = list(runs._runs(two_heads))
    assert len({run.record.path for run in listed}) == len(listed) == len(two_heads.records) == 6
    heads = {run.label: run.baseline["config"] for run in listed if run.record["task"] == "det"}
    assert heads == {
        "plain (as it is, c4)": "c4.py",
        "plain (as it is, fpn)": "fpn.py",
        "best (c4)": "c4.py",
        "best (fpn)": "fpn.py",
    }


def test_curves_tell_heads_apart_and_hold_each_run_once(two_heads):
    text = curves.section(two_heads).downloads[0].text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len({tuple(line.values()) for line in lines}) == len(lines)
    assert {line["row"] for line in lines if line["task"] == "cls"} == {"plain (as it is)", "best"}
    assert "best (fpn)" in {line["row"] for line in lines if line["task"] == "det"}


def test_the_first_pair_are_two_rows_with_one_head(two_heads):
    found, _ = answers.of_study(two_heads)
    pairs = {it.task: it.pair for it in found}
    assert pairs == {
        "cls": ("plain (as it is)", "best"),
        "det": ("plain (as it is, c4)", "best (c4)"),
    }
