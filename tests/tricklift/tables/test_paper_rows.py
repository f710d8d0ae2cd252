"""`tricklift paper rows`: the paper's cells beside our values."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from safetensors.torch import save_file

from tricklift import configs
from tricklift.cli import main
from tricklift.paper.table_cells import CELLS, needs_of, resolved
from tricklift.records.identity import config_hash, pretrained_of
from tricklift.records.weights import weights_entries
from tricklift.tables.paper_rows import hash_of, listing, own_values, runs_of
from tricklift.tables.records import find
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
    assert first["command"].startswith("mim train tricklift $(tricklift config path cls/full/")


COSINE, DISTILL = (f"cls/full/resnet50_d-{row}" for row in ("cosine", "distill"))
C4 = "det/full/faster_rcnn_c4-d-cosine"


@pytest.fixture
def leave(recipe, tmp_path):
    """Writes the result file of a finished run of a recipe, on the paper's number of GPUs."""

    def write(config: str, metrics: dict, /, **changes) -> None:
        told = {"schema": 2, "status": "done", "tier": "full", "dataset": "x", "protocol": "x"}
        told |= {"task": config[:3], "metrics": metrics, "wall_seconds": 1.0, "machine": {}}
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "result.json").write_text(json.dumps(told | recipe(config) | changes))

    return write


def cell_of(config: str, folder: Path) -> dict:
    """What is listed for the cell of a config, whose runs are below a folder."""
    records = find(folder)
    cell = next(cell for cell in CELLS if cell.config == config)
    same, changed = runs_of(cell, records)
    return {"own": own_values(cell, same), "changed": len(changed)}


def test_own_values_are_means_of_finished_runs(leave, tmp_path, capsys):
    leave(COSINE, {"top1": 77.0, "top5": 93.0}, config=f"/elsewhere/configs/{COSINE}.py")
    leave(COSINE, {"top1": 78.0, "top5": 94.0})
    leave(COSINE, {"top1": 1.0, "top5": 1.0}, status="running")
    leave(COSINE, {"top1": 2.0}, config="configs/cls/small/resnet18_d-cosine.py")
    leave(C4, {"voc_map": 79.0})
    leave(DISTILL, {"top1": 78.5, "top5": 94.5})
    code, out, _ = run(capsys, "paper", "rows", "--json", "--results", str(tmp_path))
    assert code == 0
    own = {
        (e["table"], e["row"], e["network"], e["setting"]): e["own"]
        for e in json.loads(out)
        if e["own"]
    }
    assert own == {
        ("6", "+ cosine", "resnet50_d", ""): {"top1": 77.5, "top5": 93.5},
        ("6", "+ distill w/o mixup", "resnet50_d", ""): {"top1": 78.5, "top5": 94.5},
        ("8", "+ cosine", "resnet50_d", "C4"): {"voc_map": 79.0, "top1": 77.5},
    }


def test_hashes_of_older_versions_do_not_compare(leave, tmp_path, capsys):
    leave(COSINE, {"top1": 99.0}, schema=1, config_hash="of schema 1")
    cell = next(entry for entry in listing(results=tmp_path) if entry["config"] == COSINE)
    assert (cell["own"], cell["changed"], cell["older"]) == (None, 0, 1)
    _, out, _ = run(capsys, "paper", "rows", "--results", str(tmp_path))
    assert "own - (without 1 runs recorded by an older version" in out


def test_runs_of_a_changed_config_do_not_count(leave, tmp_path, capsys):
    changed = config_hash(build_config(COSINE, tricks=["ema"]))
    leave(COSINE, {"top1": 99.0}, config_hash=changed)
    leave(COSINE, {"top1": 99.0}, world_size=1)  # another batch
    leave(COSINE, {"top1": 99.0}, world_size=None)  # of an older version: not known
    cell = next(e for e in listing(["6"], tmp_path) if e["config"] == COSINE)
    assert (cell["own"], cell["changed"]) == (None, 3)
    _, out, _ = run(capsys, "paper", "rows", "--tables", "6", "--results", str(tmp_path))
    assert "own - (without 3 runs that are not the recipe)" in out


def started_from(config: str, key: str, value: str) -> dict:
    """What a run of a config notes that got another file of weights."""
    cfg = build_config(config, options={key: value})
    return {"config_hash": config_hash(cfg), **weights_entries(cfg, pretrained_of(cfg))}


def test_a_classifier_begins_from_random_weights(leave, tmp_path):
    file = tmp_path / "imagenet.pth"
    file.write_bytes(b"weights")
    for key in ("load_from", "model.backbone.checkpoint"):
        leave(COSINE, {"top1": 80.5}, **started_from(COSINE, key, str(file)))
    # older results have no such name in their hash
    name = "https://download.example.org/resnet50_d.pth"
    told = started_from(COSINE, "load_from", name) | {"config_hash": hash_of(COSINE)}
    leave(COSINE, {"top1": 80.5}, **told)
    assert cell_of(COSINE, tmp_path) == {"own": None, "changed": 3}


@pytest.mark.parametrize(
    "other",
    [
        {"row": "+ mixup w/o distill"},
        {"architecture": "resnet50_d"},
        {"dataset": "Places365"},
        {"config_hash": "of another recipe"},
        {"world_size": "1"},
        {"top1": None},  # not the last checkpoint of a finished run
    ],
    ids=lambda other: next(iter(other)),
)
@pytest.mark.parametrize(("config", "key"), [(DISTILL, "teacher"), (C4, "pretrained")])
def test_other_weights_and_teachers_do_not_count(leave, recipe, tmp_path, config, key, other):
    told = recipe(config)[key]
    if key == "pretrained" and "architecture" in other:
        other = {"architecture": "resnet50_b"}
    assert told | other != told
    leave(config, {"top1": 70.5, "voc_map": 50.0}, **{key: told | other})
    assert cell_of(config, tmp_path) == {"own": None, "changed": 1}


def test_where_a_run_began_counts_by_its_hash_too(leave, tmp_path):
    """What is noted of the weights is the row's, but the config says otherwise."""
    for config in (DISTILL, C4):
        leave(config, {"top1": 70.5}, config_hash=config_hash(build_config(config)))
        assert cell_of(config, tmp_path) == {"own": None, "changed": 1}


def test_what_older_results_do_not_say(leave, recipe, tmp_path):
    """Exports without the number of processes count; a teacher of whom nothing is said does not."""
    held = recipe(C4)["pretrained"]
    leave(C4, {"voc_map": 79.0}, pretrained={**held, "world_size": None})
    assert cell_of(C4, tmp_path)["own"] == {"voc_map": 79.0, "top1": 77.5}
    leave(DISTILL, {"top1": 78.0}, teacher={"file": "t.safetensors", "weights_sha256": "0"})
    assert cell_of(DISTILL, tmp_path) == {"own": None, "changed": 1}


def test_weights_of_other_rows_do_not_count(leave, tmp_path):
    leave(C4, {"voc_map": 79.0})
    leave(C4, {"voc_map": 59.0}, row="random init", pretrained=None)
    name = "timm/resnet50d.gluon_in1k"
    leave(C4, {"voc_map": 39.0}, row=name, pretrained={"name": name})
    loaded = {"file": "+ cosine.pth", "sha256": "0" * 64}
    leave(C4, {"voc_map": 19.0}, row="+ cosine", pretrained=loaded)
    assert cell_of(C4, tmp_path) == {"own": {"voc_map": 79.0, "top1": 77.5}, "changed": 3}


def export(config: str, folder: Path) -> None:
    """What `tricklift export` makes of a config's finished run on 8 GPUs, and of all it needs."""
    for need in needs_of(config):
        export(need, folder)
    cfg = Config.fromfile(configs.find_config(config))
    told = {"architecture": cfg.model.backbone.name, "row": cfg.row, "top1": "78.0000"}
    told |= {"dataset": cfg.benchmark.dataset, "config_hash": config_hash(cfg), "world_size": "8"}
    file = folder / f"{config.rpartition('/')[2]}.safetensors"
    save_file({"w": torch.zeros(1)}, str(file), metadata=told)


@pytest.mark.parametrize(
    ("config", "metrics"),
    [
        ("det/full/faster_rcnn_c4-d-distill", {"voc_map": 80.0}),
        ("seg/full/fcn-d-distill", {"miou": 38.0}),
        ("cls/full/resnet50_d-places365-best", {"top1": 56.0}),
    ],
)
def test_a_chain_of_exports_counts(leave, tmp_path, monkeypatch, config, metrics):
    """Hash and notes as a run takes them from its config, with folders of its own."""
    with monkeypatch.context() as there:
        there.setenv("TRICKLIFT_EXPORTS", str(tmp_path))
        there.setenv("TRICKLIFT_ROOT", "/other/root")
        for need in needs_of(config):
            export(need, tmp_path)
        cfg = Config.fromfile(configs.find_config(config))
        told = {"config_hash": config_hash(cfg), **weights_entries(cfg, pretrained_of(cfg))}
    leave(config, metrics, **told)
    own = metrics if config.startswith("cls") else {**metrics, "top1": 78.0}
    assert cell_of(config, tmp_path) == {"own": own, "changed": 0}


def test_the_recipe_is_the_same_wherever_the_data_is(monkeypatch):
    """Also when the config was read before, with other folders."""
    recipe = hash_of(C4)
    resolved(C4)
    monkeypatch.setenv("TRICKLIFT_ROOT", "/other/root")
    monkeypatch.setenv("TRICKLIFT_EXPORTS", "/other/exports")
    hash_of.cache_clear()
    assert hash_of(C4) == recipe


def test_the_listing_is_all_of_the_output(monkeypatch, capsys):
    """mmengine says what it takes from the environment, on stdout too."""
    monkeypatch.setenv("TRICKLIFT_ROOT", "/other/root")
    for clear in (resolved.cache_clear, hash_of.cache_clear):
        clear()
    code, out, _ = run(capsys, "paper", "rows", "--tables", "8", "--json")
    assert code == 0 and json.loads(out)


def test_one_table_as_text(capsys):
    code, out, _ = run(capsys, "paper", "rows", "--tables", "7")
    assert code == 0
    assert out.startswith("Table 7: Places365, ResNet-50-D (arXiv:1812.01187 Table 7)")
    assert (
        "train tricklift $(tricklift config path cls/full/resnet50_d-places365-best) --gpus 8"
        in out
    )
    name = "resnet152_d-places365-mixup"
    assert f"needs exports/{name}.safetensors of cls/full/{name}" in out
    assert "GPU-h" in out and "top1 56.34" in out and "Table 6" not in out


def test_unknown_table(capsys):
    code, _, err = run(capsys, "paper", "rows", "--tables", "1")
    assert code == 2
    assert "no table '1'; there are 2, 3, 4, 5, 6, 7, 8, 9" in err
