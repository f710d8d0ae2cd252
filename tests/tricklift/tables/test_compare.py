"""The transfer table from result files of real (tiny) runs."""

import csv
import io

import pytest

from tricklift.tables import page as tables
from tricklift.tables import records
from tricklift.tables.compare import build_rows, compare

CLS = "cls/full/resnet50_d-efficient"
C4, FPN = (f"det/full/faster_rcnn_{head}-d-efficient" for head in ("c4", "fpn"))
FCN, PSPNET = (f"seg/full/{head}-d-efficient" for head in ("fcn", "pspnet"))
PROTOCOLS = {"cls": "top-1", "det": "11-point", "seg": "whole image"}
KEYS = {
    "row", "backbone", "pretrained", "top1", "voc_map", "pix_acc", "miou", "protocol", "paper",
    "reference",
}  # fmt: skip


def test_one_row_a_backbone_joins_the_three_tasks(leave):
    leave("c", "cls", {"top1": 60.0, "top5": 99.0})
    leave("d", "det", {"voc_map": 40.0})
    leave("s", "seg", {"pix_acc": 80.0, "miou": 30.0, "macc": None})
    leave("r", "det", {"voc_map": 10.0}, origin=None, row="random init")
    rows, found = compare(leave.root)
    assert len(found) == 4
    assert [row["row"] for row in rows] == ["random init", "B-baseline"]
    assert all(set(row) == KEYS for row in rows)
    base = rows[1]
    assert base["top1"] == {"mean": 60.0, "std": None, "n": 1, "runs": 1}
    assert base["voc_map"]["mean"] == 40.0
    assert base["pix_acc"]["mean"] == 80.0
    assert base["miou"]["mean"] == 30.0
    assert base["pretrained"] == "cls-data"
    assert base["protocol"] == "cls-data: top-1; det-data: 11-point; seg-data: whole image"
    assert base["paper"] is None
    assert rows[0]["pretrained"] is None
    assert rows[0]["top1"] is None


def test_seeds_are_averaged_with_the_sample_deviation(leave):
    for seed, value in enumerate((40.0, 42.0, 47.0)):
        leave(f"d{seed}", "det", {"voc_map": value}, seed=seed)
    rows, _ = compare(leave.root)
    # deviations -3, -1, 4: sqrt((9 + 1 + 16) / 2) = sqrt(13)
    told = {"mean": 43.0, "std": pytest.approx(13**0.5), "n": 3, "runs": 3}
    assert rows[0]["voc_map"] == told
    assert "43.00 ± 3.61 (n=3)" in tables.cell(rows[0]["voc_map"])


def test_one_seed_from_two_pretrainings_counts_twice(leave):
    leave("a", "det", {"voc_map": 40.0})
    leave("b", "det", {"voc_map": 44.0})
    rows, _ = compare(leave.root)
    assert rows[0]["voc_map"]["n"] == 2


def test_two_exports_of_one_pretraining_are_no_two_seeds(leave):
    """Averaged weights and those as trained have one config hash, and count as one config."""
    held = {"row": "B-baseline", "config_hash": "hash-cls", "seed": "0"}
    for name, value in (("as-trained", 40.0), ("averaged", 44.0)):
        weights = {**held, "file": f"{name}.safetensors", "weights_sha256": name}
        leave(name, "det", {"voc_map": value}, pretrained=weights)
    with pytest.raises(ValueError, match=r"seed 3, from weights of the pretraining with seed 0"):
        compare(leave.root)


def test_configs_of_a_row_are_never_averaged(leave):
    leave("c", "cls", {"top1": 60.0})
    leave("d1", "det", {"voc_map": 40.0}, config="configs/fpn.py")
    leave("d2", "det", {"voc_map": 50.0}, config="configs/c4.py", config_hash="other")
    rows, _ = compare(leave.root)
    assert [row["voc_map"]["mean"] for row in rows] == [50.0, 40.0]
    assert [row["top1"]["mean"] for row in rows] == [60.0, 60.0]
    assert "[c4 other]" in rows[0]["protocol"]
    assert "[fpn hash-det]" in rows[1]["protocol"]


def test_runs_of_different_data_are_never_averaged(leave):
    """Nor do they stand under one protocol."""
    for digest, value in (("1" * 64, 60.0), ("2" * 64, 70.0)):
        data = {"name": "MiniWorld", "digest": digest}
        leave(f"c{value}", "cls", {"top1": value}, data=data)
        held = {"row": "B-baseline", "config_hash": "hash-cls", "data_digest": digest}
        leave(f"d{value}", "det", {"voc_map": value - 20}, pretrained={**held, "file": "b"})
        leave(f"s{value}", "seg", {"miou": value - 30}, pretrained={**held, "file": "b"}, data=data)
    rows, found = compare(leave.root)
    assert [row["top1"]["mean"] for row in rows] == [60.0, 70.0]
    assert [row["voc_map"]["mean"] for row in rows] == [40.0, 50.0]
    assert [row["miou"]["mean"] for row in rows] == [30.0, 40.0]
    assert (
        "cls-data: top-1 [data 11111111]; det-data: 11-point; seg-data: whole image ["
        in (rows[0]["protocol"])
    )
    assert len({row["protocol"] for row in rows}) == 2
    page = tables.to_markdown(rows, found, leave.root)
    assert page.count("[data 22222222]") == 2


def test_runs_of_different_versions_are_averaged_with_a_remark(leave):
    for seed, version in enumerate(("0.1.0", "0.2.0")):
        leave(f"d{seed}", "det", {"voc_map": 40.0}, seed=seed, version=version)
        leave(f"s{seed}", "seg", {"miou": 40.0}, seed=seed, version="0.1.0")
    rows, found = compare(leave.root)
    assert [row["voc_map"]["n"] for row in rows] == [2]
    remark = (
        "det-data: 11-point [averaged over versions 0.1.0, 0.2.0 of tricklift]; seg-data: whole"
    )
    assert remark in rows[0]["protocol"]
    assert remark in tables.to_markdown(rows, found, leave.root)


def test_validation_images_that_a_training_saw_stand_beside_the_values(leave):
    leave("d", "det", {"voc_map": 90.0}, data={"digest": "1", "val_images_in_train": 3})
    leave("s", "seg", {"miou": 40.0}, data={"digest": "1", "val_images_in_train": 0})
    rows, found = compare(leave.root)
    remark = (
        "det-data: 11-point [validation images that are training images: 3]; seg-data: whole image"
    )
    assert rows[0]["protocol"] == remark
    assert remark in tables.to_markdown(rows, found, leave.root)


def test_rows_of_one_name_and_different_pretraining_stay_apart(leave):
    leave("c", "cls", {"top1": 60.0})
    leave("d", "det", {"voc_map": 40.0}, origin="pretrained-otherwise")
    rows, _ = compare(leave.root)
    assert len(rows) == 2
    assert [row["top1"] is None for row in rows] == [False, True]


def test_tiers_and_backbones_stay_apart(leave):
    leave("a", "cls", {"top1": 60.0})
    leave("b", "cls", {"top1": 70.0}, tier="mini")
    leave("c", "cls", {"top1": 80.0}, backbone="resnet18_d")
    rows, _ = compare(leave.root)
    assert [row["top1"]["mean"] for row in rows] == [70.0, 60.0, 80.0]


def test_the_paper_stands_beside_its_own_rows_in_the_full_tier_alone(leave, of_paper):
    leave("c", metrics={"top1": 77.0}, **of_paper(CLS))
    leave("d", metrics={"voc_map": 78.0}, **of_paper(C4))
    leave("x", "cls", {"top1": 50.0}, row="D-efficient")
    rows, found = compare(leave.root)
    full = next(row for row in rows if row["paper"])
    assert sum(row["paper"] is not None for row in rows) == 1
    assert full["paper"]["voc_map"] == 78.30
    difference = full["paper"]["difference"]
    assert (difference["top1"], difference["voc_map"]) == pytest.approx((-0.16, -0.30))
    assert (difference["pix_acc"], difference["miou"]) == (None, None)
    assert "arXiv:1812.01187 Table 8" in full["paper"]["source"]
    page = tables.to_markdown(rows, found, leave.root)
    assert "77.00 (paper 77.16, -0.16)" in page
    assert "- (paper 78.88)" in page
    assert "The paper's values: arXiv:1812.01187 Table 8" in page


def test_the_paper_stands_beside_its_own_heads_alone(leave, of_paper):
    leave("c", metrics={"top1": 77.0}, **of_paper(CLS))
    leave("d1", metrics={"voc_map": 78.0}, **of_paper(C4))
    leave("d2", metrics={"voc_map": 80.0}, **of_paper(FPN))
    leave("s1", metrics={"pix_acc": 79.0, "miou": 39.0}, **of_paper(FCN))
    leave("s2", metrics={"miou": 42.0}, **of_paper(PSPNET))
    rows, found = compare(leave.root)
    theirs, extension = (row["paper"] for row in rows)
    assert theirs["difference"] == {"top1": -0.16, "voc_map": -0.3, "pix_acc": 0.12, "miou": 0.12}
    assert (extension["top1"], extension["difference"]["top1"]) == (77.16, -0.16)
    for metric in ("voc_map", "pix_acc", "miou"):
        assert extension[metric] is extension["difference"][metric] is None
    page = tables.to_markdown(rows, found, leave.root)
    assert "| 78.00 (paper 78.30, -0.30) | 79.00 (paper 78.88, +0.12) |" in page
    assert "| 80.00 | - | 42.00 |" in page


def test_a_line_of_extensions_has_no_place_for_the_papers_value(leave, of_paper):
    leave("d", metrics={"voc_map": 80.0}, **of_paper(FPN))
    rows, _ = compare(leave.root)
    assert [rows[0]["paper"][metric] for metric in ("voc_map", "pix_acc")] == [None, None]
    leave("s", metrics={"miou": 39.0}, **of_paper(FCN))
    rows, _ = compare(leave.root)
    assert [rows[0]["paper"][metric] for metric in ("voc_map", "pix_acc")] == [None, 78.88]


@pytest.mark.parametrize(
    "change", [{"config_hash": "of other options"}, {"world_size": 1}, {"config": "mine.py"}]
)
def test_a_changed_recipe_has_no_place_for_the_papers_value(leave, of_paper, change):
    leave("c", metrics={"top1": 77.0}, **of_paper(CLS) | change)
    rows, _ = compare(leave.root)
    assert rows[0]["paper"]["top1"] is rows[0]["paper"]["difference"]["top1"] is None
    assert rows[0]["paper"]["voc_map"] == 78.30  # no run of ours yet


def test_another_number_of_processes_is_another_batch(leave):
    leave("a", "det", {"voc_map": 40.0}, world_size=8)
    leave("b", "det", {"voc_map": 50.0}, world_size=1)
    rows, _ = compare(leave.root)
    assert [row["voc_map"]["mean"] for row in rows] == [50.0, 40.0]
    assert rows[0]["protocol"] == "det-data: 11-point [det hash-det]"
    assert rows[1]["protocol"] == "det-data: 11-point [det hash-det, 8 processes]"


def test_pretraining_seeds_may_share_a_file_name(leave):
    held = {"row": "B-baseline", "dataset": "x", "config_hash": "hash-cls", "file": "b.safetensors"}
    for seed in ("0", "1"):
        leave(seed, "det", {"voc_map": 40.0}, pretrained={**held, "seed": seed})
    assert compare(leave.root)[0][0]["voc_map"]["n"] == 2


def test_the_protocol_names_the_tier_where_there_are_several(leave):
    leave("a", "det", {"voc_map": 40.0}, tier="mini")
    assert compare(leave.root)[0][0]["protocol"] == "det-data: 11-point"
    leave("b", "det", {"voc_map": 4.0}, tier="smoke")
    told = [row["protocol"] for row in compare(leave.root)[0]]
    assert told == ["det-data: 11-point; tier mini", "det-data: 11-point; tier smoke"]


def test_seeds_of_pretraining_and_downstream(leave):
    leave("c", "cls", {"top1": 60.0}, seed=0)
    held = {"row": "B-baseline", "dataset": "cls-data", "config_hash": "hash-cls", "seed": "0"}
    for seed in (0, 1):
        exported = {**held, "file": "x.safetensors"}
        leave(f"d{seed}", "det", {"voc_map": 40.0}, seed=seed, pretrained=exported)
        leave(f"s{seed}", "seg", {"miou": 40.0}, seed=seed, pretrained=exported)
    leave("r", "det", {"voc_map": 10.0}, origin=None, row="random init", seed=3)
    leave("p", "cls", {"top1": 60.0}, row="D-tricks", seed=10, config_hash="other")
    rows, found = compare(leave.root)
    page = tables.to_markdown(rows, found, leave.root)
    assert "Seeds: of the pretraining; of detection and segmentation" in page
    assert "| protocol | seeds |\n" in page
    ends = [line[:-2].rpartition("| ")[2] for line in page.splitlines() if "| resnet18_b |" in line]
    assert ends == ["-; 3", "0; 0,1", "10; -"]
    leave("d2", "det", {"voc_map": 40.0}, seed=2, pretrained={**exported, "seed": "1"})
    rows, found = compare(leave.root)
    text = tables.render(rows, found, "csv", leave.root)
    assert [line["seeds"] for line in csv.DictReader(io.StringIO(text))] == [
        "-; 3", "0,1; 0,1,2 / 0,1", "10; -",
    ]  # fmt: skip


def test_unfinished_runs_are_listed_and_not_counted(leave):
    leave("a", "det", {"voc_map": 40.0})
    leave("b", "det", {"voc_map": 1.0}, status="running", seed=7)
    rows, found = compare(leave.root)
    assert rows[0]["voc_map"] == {"mean": 40.0, "std": None, "n": 1, "runs": 1}
    assert "detection, B-baseline, `resnet18_b`, seed 7: running" in tables.to_markdown(
        rows, found, leave.root
    )


def test_the_same_run_twice_is_refused(leave):
    leave("a", "cls", {"top1": 60.0})
    leave("b", "cls", {"top1": 61.0})
    with pytest.raises(ValueError, match=r"a/result.json and .*b/result.json are the same run"):
        compare(leave.root)


def test_hidden_folders_are_passed_over(leave):
    leave("a", "cls", {"top1": 60.0})
    leave(".stale/b", "cls", {"top1": 1.0})
    assert compare(leave.root)[0][0]["top1"]["n"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"a/result.json is not readable as JSON"),
        ("", r"a/result.json is not readable as JSON"),
        ("[]", r"a/result.json is no result file of schema 1 or 2 \(found 'list'\)"),
        ('{"schema": 3}', r"a/result.json is no result file of schema 1 or 2 \(found 3\)"),
        (
            '{"schema": 1, "status": "done"}',
            r"a/result.json lacks a valid task \(text; found None\); tier ",
        ),
    ],
)
def test_a_broken_file_is_named(leave, text, message):
    leave("a", "cls", {"top1": 60.0}).write_text(text)
    with pytest.raises(ValueError, match=message):
        compare(leave.root)


def test_nothing_to_compare(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*gone; give one"):
        compare(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match=r"no result.json below .*; run 'tricklift run'"):
        compare(tmp_path)


def test_reading_a_real_file(tiny, tmp_path):
    answer = {"accuracy/top1": 61.0, "accuracy/top5": 99.0}
    tiny.train(tiny.config(tmp_path), answer, answer)
    record = records.read(tmp_path / "result.json")
    assert record.done
    assert build_rows([record])[0]["top1"] == {"mean": 61.0, "std": None, "n": 1, "runs": 1}
