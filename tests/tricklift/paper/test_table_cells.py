"""Every cell of the paper's tables has a config."""

import re

import pytest

from tricklift import configs
from tricklift.paper import numbers
from tricklift.paper.gpu_hours import gpu_hours
from tricklift.paper.table_cells import CELLS, TEACHERS, cells, resolved

EXTENSIONS = ("FPN", "PSPNet")
#: Columns that are no result of a run of ours.
NOT_RUNS = re.compile("reference_|params|gflops")
#: How many cells (runs with their metrics) each table has.
COUNTS = {"2": 3, "3": 6, "4": 10, "5": 4, "6": 18, "7": 2, "8": 14, "9": 14}
LEAVES = sorted(
    {cell.config for cell in CELLS} | set(TEACHERS) | {n for c in CELLS for n in c.needs}
)


def test_every_value_of_the_paper_has_a_cell():
    claimed = {(cell.table, cell.row, column) for cell in CELLS for column in cell.columns.values()}
    wanted = {
        (str(number), row["row"], column)
        for number in range(2, 10)
        for row in numbers.table(number)["rows"]
        for column in numbers.table(number)["columns"]
        if not NOT_RUNS.match(column)
    }
    assert claimed == wanted


def test_count_of_cells_and_no_cell_twice():
    assert {number: len(cells(number)) for number in COUNTS} == COUNTS
    keys = [(c.table, c.row, c.network, c.setting) for c in CELLS]
    assert len(set(keys)) == len(keys)
    assert {c.setting for c in CELLS if not c.columns} == set(EXTENSIONS)


@pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c.table} {c.row} {c.network} {c.setting}")
def test_config_of_a_cell(cell):
    cfg = resolved(cell.config)
    assert cfg.benchmark.task == cell.task
    assert cfg.benchmark.tier == "full"
    assert cfg.model.backbone.name == cell.network
    weights = [cfg.model.backbone.get("checkpoint")]
    weights.append(((cfg.model.get("distillation") or {}).get("teacher") or {}).get("checkpoint"))
    needed = [f"exports/{need.rpartition('/')[2]}.safetensors" for need in cell.needs]
    assert [ref for ref in weights if ref] == needed
    text = configs.find_config(cell.config).read_text()
    paper_values = cell.paper or {}
    for metric in ("voc_map", "miou") if cell.task != "cls" else ("top1",):
        value = paper_values.get(metric)
        assert value is None or f"{value:.2f}" in text, "the expected number of the docstring"


@pytest.mark.parametrize("name", LEAVES)
def test_leaf_says_command_and_cost(name):
    text = configs.find_config(name).read_text()
    assert len(text.splitlines()) <= 30
    package = {"cls": "tricklift", "det": "mmdet", "seg": "mmseg"}[name[:3]]
    assert f"mim train {package} configs/{name}.py --gpus 8 --launcher pytorch" in text
    images, hours = re.search(
        r"\((\d+) images? on each of 8 GPUs; about (\d+) GPU-hours", text
    ).groups()
    assert resolved(name).train_dataloader.batch_size == int(images)
    assert int(hours) == pytest.approx(gpu_hours(name), rel=0.06)
    assert "Not run here" in text


def test_same_runs_share_a_config():
    configs_of = {(c.table, c.row, c.network, c.setting): c.config for c in CELLS}
    baseline = configs_of["2", "ResNet-50", "resnet50_a", ""]
    assert baseline == configs_of["3", "ResNet-50", "resnet50_a", "baseline"]
    assert baseline == configs_of["4", "linear scaling", "resnet50_a", "batch 256"]
    efficient = configs_of["5", "ResNet-50-D", "resnet50_d", ""]
    assert efficient == configs_of["6", "efficient", "resnet50_d", ""]
    needs = {c.row: c.needs for c in CELLS if c.setting == "C4"}
    assert needs["D-efficient"] == (efficient,)
    assert needs["+ smooth"] == (configs_of["6", "+ label smoothing", "resnet50_d", ""],)


def test_labels_of_pretraining_are_the_rows_of_tables_8_and_9():
    for cell in cells("8"):
        assert resolved(cell.needs[0]).row == cell.row
