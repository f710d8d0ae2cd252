"""`tricklift rows`: the paper's cells beside our values."""

import json
from pathlib import Path

import pytest

from tricklift.cli import main
from tricklift.ground.identity import recipe_hash
from tricklift.tables.cells import listing, recipe_of
from tricklift.train import build_config

#: Heads that the paper does not have.
EXTENSIONS = ("FPN", "PSPNet")


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


@pytest.fixture(scope="module")
def everything():
    return listing()


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
    """A finished run of a cell's recipe, on the paper's number of GPUs."""
    recipe = recipe_of("/".join(Path(config).with_suffix("").parts[-3:]))
    return {
        "schema": 1, "status": "done", "task": task, "tier": "full", "dataset": "x",
        "protocol": "x", "row": "x", "metrics": metrics, "config_hash": "x", "wall_seconds": 1.0,
        "machine": {}, "config": config, "recipe_hash": recipe,
        "world_size": 8, **more,
    }  # fmt: skip


def test_own_values_are_means_of_finished_runs(tmp_path, capsys):
    name = "/elsewhere/configs/cls/full/resnet50_d-cosine.py"
    c4 = "configs/det/full/faster_rcnn_c4-d-cosine.py"
    runs = [
        result("cls", name, {"top1": 77.0, "top5": 93.0}),
        result("cls", name, {"top1": 78.0, "top5": 94.0}),
        result("cls", name, {"top1": 1.0, "top5": 1.0}, status="running"),
        result("cls", "configs/cls/small/resnet18_d-cosine.py", {"top1": 2.0}),
        result("det", c4, {"voc_map": 79.0}, row="+ cosine", pretrained={"top1": 77.5}),
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


def test_runs_of_a_changed_config_do_not_count(tmp_path, capsys):
    leaf = "configs/cls/full/resnet50_d-cosine.py"
    changed = recipe_hash(build_config("cls/full/resnet50_d-cosine", tricks=["ema"]))
    changes = {"ema": {"recipe_hash": changed}, "older": {"recipe_hash": None}}
    changes["one GPU, so another batch"] = {"world_size": 1}
    for name, change in changes.items():
        (tmp_path / name).mkdir()
        record = result("cls", leaf, {"top1": 99.0}, **change)
        (tmp_path / name / "result.json").write_text(json.dumps(record))
    cell = next(e for e in listing("6", tmp_path) if f"configs/{e['config']}.py" == leaf)
    assert (cell["own"], cell["changed"]) == (None, 3)
    _, out, _ = run(capsys, "rows", "--table", "6", "--results", str(tmp_path))
    assert "own - (without 3 runs of changed configs)" in out


def test_runs_from_other_weights_do_not_count(tmp_path):
    """The recipe's hash leaves weights out: the row says where a run started."""
    leaf = "configs/det/full/faster_rcnn_c4-d-cosine.py"
    for place, row in enumerate(("+ cosine", "random init", "timm/resnet50d.gluon_in1k")):
        (tmp_path / str(place)).mkdir()
        record = result("det", leaf, {"voc_map": 79.0 - 20 * place}, row=row)
        (tmp_path / str(place) / "result.json").write_text(json.dumps(record))
    cell = next(e for e in listing("8", tmp_path) if f"configs/{e['config']}.py" == leaf)
    assert (cell["own"], cell["changed"]) == ({"voc_map": 79.0}, 2)


def test_one_table_as_text(capsys):
    code, out, _ = run(capsys, "rows", "--table", "7")
    assert code == 0
    assert out.startswith("Table 7: Places365, ResNet-50-D (arXiv:1812.01187 Table 7)")
    assert (
        "mim train tricklift $(tricklift config cls/full/resnet50_d-places365-best) --gpus 8" in out
    )
    name = "resnet152_d-places365-mixup"
    assert f"needs exports/{name}.safetensors of cls/full/{name}" in out
    assert "GPU-h" in out and "top1 56.34" in out and "Table 6" not in out


def test_unknown_table(capsys):
    code, _, err = run(capsys, "rows", "--table", "1")
    assert code == 2
    assert "no table '1'; there are 2, 3, 4, 5, 6, 7, 8, 9" in err
