"""The picture of the table: every row and metric is in it; nothing half-written is left."""

from pathlib import Path

import pytest

from tricklift.tables.compare import lines
from tricklift.tables.plots import names, plot
from tricklift.tables.records import Record


def run(row: str, metric: str, value: float, seed: int) -> Record:
    task = {"top1": "cls", "voc_map": "det"}[metric]
    data = {"status": "done", "task": task, "tier": "small", "dataset": "d", "protocol": "p"}
    data |= {"row": row, "backbone": "b", "seed": seed, "metrics": {metric: value}}
    held = {"row": row, "config_hash": row, "file": f"{row}.safetensors"}
    data |= {"config": f"{task}.py", "config_hash": row, "pretrained": held}
    return Record(Path(f"{row}{metric}{seed}"), data)


@pytest.fixture
def ladder() -> list:
    rows = ("B-standard", "D-efficient")
    runs = [run(row, "top1", 80.0 + i, 0) for i, row in enumerate(rows)]
    runs += [run(row, "voc_map", 40.0 + i + s, s) for i, row in enumerate(rows) for s in (0, 1)]
    return lines(runs)


def test_rows_and_metrics_are_in_the_picture(ladder, tmp_path):
    text = plot(ladder, tmp_path / "docs" / "small.svg").read_text()
    for name in ("B-standard", "D-efficient", "top-1", "mAP"):
        assert f"<!-- {name}" in text  # matplotlib notes what the glyphs spell
    assert "mIoU" not in text


def test_a_format_that_is_not_known_leaves_nothing(ladder, tmp_path):
    with pytest.raises(ValueError, match=r"Format 'doc' is not supported"):
        plot(ladder, tmp_path / "small.doc")
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError, match="nothing to draw"):
        plot([], tmp_path / "small.png")


def test_lines_of_one_row_are_told_apart_by_their_heads(ladder):
    fpn, c4 = (run("D-efficient", "voc_map", 40.0, 0) for _ in range(2))
    c4.data["config"], fpn.data["config"] = "faster_rcnn_c4.py", "faster_rcnn_fpn.py"
    told = ["D-efficient (faster_rcnn_c4)", "D-efficient (faster_rcnn_fpn)"]
    assert names(lines([fpn, c4])) == told
    assert names(ladder) == ["B-standard", "D-efficient"]


def test_random_starts_of_two_networks_are_told_apart():
    one, other = (run("random init", "voc_map", value, 0) for value in (20.0, 30.0))
    one.data["pretrained"] = other.data["pretrained"] = None
    other.data["backbone"] = "c"
    assert names(lines([one, other])) == ["random init (b)", "random init (c)"]
