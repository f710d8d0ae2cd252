"""Every cell of the paper's tables has a config, and `tricklift rows` lists it."""

import json
import re

import pytest

from tricklift import configs, paper
from tricklift.cli import main
from tricklift.gpu_hours import gpu_hours
from tricklift.rows import CELLS, TEACHERS, cells, listing, resolved

EXTENSIONS = ("FPN", "PSPNet")
#: Columns that are no result of a run of ours.
NOT_RUNS = re.compile("reference_|params|gflops")
#: How many cells (runs with their metrics) the issue asks for, table by table.
COUNTS = {"2": 3, "3": 6, "4": 10, "5": 4, "6": 18, "7": 2, "8": 14, "9": 14}
LEAVES = sorted(
    {cell.config for cell in CELLS} | set(TEACHERS) | {n for c in CELLS for n in c.needs}
)


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


@pytest.fixture(scope="module")
def everything():
    return listing()


def test_every_value_of_the_paper_has_a_cell():
    claimed = {(cell.table, cell.row, column) for cell in CELLS for column in cell.columns.values()}
    wanted = {
        (str(number), row["row"], column)
        for number in range(2, 10)
        for row in paper.table(number)["rows"]
        for column in paper.table(number)["columns"]
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
    assert len(text.splitlines()) <= 25
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


def test_listing(everything):
    wanted = {"table", "row", "network", "task", "config", "paper", "own"}
    for entry in everything:
        assert wanted <= set(entry)
        assert all(entry[key] for key in ("table", "row", "network", "task", "config", "command"))
        assert entry["own"] is None
        assert (entry["paper"] is None) == (entry["setting"] in EXTENSIONS)
        assert entry["gpu_hours"] > 1
    first = everything[0]
    assert first["paper"] == {"top1": 75.87, "top5": 92.7}
    assert first["command"].startswith("mim train tricklift $(tricklift config cls/full/")


def result(task: str, config: str, metrics: dict, **more) -> dict:
    return {
        "schema": 1, "status": "done", "task": task, "tier": "full", "dataset": "x",
        "protocol": "x", "row": "x", "metrics": metrics, "config_hash": "x", "wall_seconds": 1.0,
        "machine": {}, "config": config, **more,
    }  # fmt: skip


def test_own_values_are_means_of_finished_runs(tmp_path, capsys):
    name = "/elsewhere/configs/cls/full/resnet50_d-cosine.py"
    c4 = "configs/det/full/faster_rcnn_c4-d-cosine.py"
    runs = [
        result("cls", name, {"top1": 77.0, "top5": 93.0}),
        result("cls", name, {"top1": 78.0, "top5": 94.0}),
        result("cls", name, {"top1": 1.0, "top5": 1.0}, status="running"),
        result("cls", "configs/cls/small/resnet50_d-cosine.py", {"top1": 2.0}),
        result("det", c4, {"voc_map": 79.0}, pretrained={"top1": 77.5}),
    ]
    for index, record in enumerate(runs):
        folder = tmp_path / str(index)
        folder.mkdir()
        (folder / "result.json").write_text(json.dumps(record))
    code, out, _ = run(capsys, "rows", "--json", "--results", str(tmp_path))
    assert code == 0
    own = {
        (e["table"], e["row"], e["network"], e["setting"]): e["own"]
        for e in json.loads(out)
        if e["own"]
    }
    assert own == {
        ("6", "+ cosine", "resnet50_d", ""): {"top1": 77.5, "top5": 93.5},
        ("8", "+ cosine", "resnet50_d", "C4"): {"voc_map": 79.0, "top1": 77.5},
    }


def test_one_table_as_text(capsys):
    code, out, _ = run(capsys, "rows", "--table", "7")
    assert code == 0
    assert out.startswith("Table 7: Places365, ResNet-50-D (arXiv:1812.01187 Table 7)")
    assert (
        "mim train tricklift $(tricklift config cls/full/resnet50_d-places365-best) --gpus 8" in out
    )
    assert "needs the export of cls/full/resnet152_d-places365-mixup" in out
    assert "GPU-h" in out and "top1 56.34" in out and "Table 6" not in out


def test_unknown_table(capsys):
    code, _, err = run(capsys, "rows", "--table", "1")
    assert code == 2
    assert "no table '1'; there are 2, 3, 4, 5, 6, 7, 8, 9" in err
