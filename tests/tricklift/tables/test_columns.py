"""Which rows are compared, and what they are called."""

import pytest

from tricklift.tables.columns import columns, labels
from tricklift.tables.compare import lines

C4, FPN = "faster_rcnn_c4.py", "faster_rcnn_fpn.py"


def shown(runs: list, **options) -> dict[str, list[str]]:
    """Title of each column -> its labels."""
    return {column.title: list(column.lines) for column in columns(lines(runs), **options)}


def test_a_column_a_metric(run):
    runs = [run(row, task, 50.0) for row in ("a", "b") for task in ("cls", "det", "seg")]
    assert shown(runs) == {"top-1": ["a", "b"], "mAP": ["a", "b"], "mIoU": ["a", "b"]}


def test_two_networks_under_one_name_are_two_rows(run):
    runs = [run("mine", "det", 40.0, backbone=name) for name in ("x", "y")]
    assert shown([*runs, run("other", "det", 41.0)]) == {"mAP": ["mine (x)", "mine (y)", "other"]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([{"dataset": "A", "config_hash": "one"}, {"dataset": "B", "config_hash": "two"}], "on "),
        ([{"config_hash": "one"}, {"config_hash": "two"}], ""),
    ],
)
def test_pretrainings_of_one_name_are_told_apart_by_data_or_hash(run, changes, told):
    held = [{**change, "seed": "0", "file": "f"} for change in changes]
    runs = [run("mine", "det", 40.0, pretrained=weights) for weights in held]
    names = [f"mine ({told}{next(iter(change.values()))})" for change in changes]
    assert shown(runs) == {"mAP": names}


def test_each_head_has_a_column(run):
    runs = [run(row, "cls", 80.0) for row in ("a", "b")]
    runs += [
        run(row, "det", 40.0, config=head, config_hash=f"{row}{head}")
        for row in ("a", "b")
        for head in (C4, FPN)
    ]
    apart = {"mAP (faster_rcnn_c4)": ["a", "b"], "mAP (faster_rcnn_fpn)": ["a", "b"]}
    assert shown(runs) == {"top-1": ["a", "b"], **apart}
    together = shown(runs, across_heads=True)
    assert together["mAP"] == [f"{row} ({head[:-3]})" for row in ("a", "b") for head in (C4, FPN)]
    assert together["top-1"] == ["a", "b"]  # heads share their row's pretraining


def test_heads_are_compared_where_nothing_else_is(run):
    """A detector's trick on one row: two lines of that row."""
    runs = [run("a", "det", 40.0, config_hash="plain")]
    runs.append(run("a", "det", 41.0, config_hash="giou", tricks=["giou_loss"]))
    assert shown(runs) == {"mAP": ["a (det + giou_loss)", "a (det)"]}


def test_other_options_of_one_head_are_told_by_the_config(run):
    runs = [run("a", "det", 40.0, config_hash=told) for told in ("one", "two")]
    assert shown(runs) == {"mAP": ["a (det one)", "a (det two)"]}


@pytest.mark.parametrize(
    ("change", "titles"),
    [
        ({"epochs": 2}, ["mAP (1 epochs)", "mAP (2 epochs)"]),
        ({"epochs": None}, ["mAP (1 epochs)", "mAP (8 iterations)"]),
        ({"dataset": "other"}, ["mAP (d)", "mAP (other)"]),
        ({"data": {"digest": "0123456789"}}, ["mAP (unknown)", "mAP (01234567)"]),
        ({"protocol": "other"}, ["mAP (p)", "mAP (other)"]),
    ],
)
def test_runs_of_other_data_or_length_are_not_compared(run, change, titles):
    runs = [run("a", "det", 40.0), run("b", "det", 41.0, **change)]
    assert shown(runs) == dict(zip(titles, (["a"], ["b"]), strict=True))


def test_pretrainings_may_have_any_length_and_not_other_data(run):
    runs = [run("a", "cls", 80.0), run("b", "cls", 81.0, epochs=9, protocol="crop 96")]
    assert shown(runs) == {"top-1": ["a", "b"]}
    runs.append(run("c", "cls", 50.0, dataset="places"))
    assert shown(runs) == {"top-1 (d)": ["a", "b"], "top-1 (places)": ["c"]}


def test_tiers_are_kept_apart(run):
    runs = [run(row, "det", 40.0, tier=tier) for tier in ("small", "mini") for row in ("a", "b")]
    found = [(column.tier, column.title, list(column.lines)) for column in columns(lines(runs))]
    assert found == [("mini", "mAP", ["a", "b"]), ("small", "mAP", ["a", "b"])]


def test_labels_of_heads_are_shared(run):
    runs = [run("a", "det", 40.0, config=head, config_hash=head) for head in (C4, FPN)]
    assert labels(lines(runs)) == ["a", "a"]
