"""What is published: weights that others load, a card that the hub reads, nothing private."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import ModelCard
from mmengine.config import Config

import backbones
from backbones.files import read
from tricklift.errors import MissingFileError, UserError
from tricklift.records.identity import config_hash, weights_origin
from tricklift.sharing.card import card
from tricklift.sharing.folder import publish
from tricklift.sharing.trained import look

FILES = {
    *("README.md", "model.safetensors", "config.json", "result.json", "downstream/seg-0.json"),
    *("train_config.json", "train_config.py", "model-index.yml", "pyproject.toml"),
    "tricklift_my_net/__init__.py",
    "tricklift_my_net/.mim/model-index.yml",
    "tricklift_my_net/.mim/configs/tricklift_my_net.py",
}


def images(side: int = 64) -> torch.Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def outputs(model: torch.nn.Module) -> torch.Tensor:
    return model.eval()(images())


@pytest.fixture(scope="module")
def expected(shared) -> torch.Tensor:
    return outputs(backbones.build("resnet18_d", 12, checkpoint=shared.export))


def test_its_files(shared):
    folder = shared.published.folder
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert found == FILES


def test_we_load_it(shared, expected):
    """In timm's names, with all that the export says of it."""
    file = shared.published.folder / "model.safetensors"
    model = backbones.build("resnet18_d", 12, checkpoint=file)
    assert (outputs(model) - expected).abs().max() < 1e-5
    told, before = weights_origin(str(file)), weights_origin(str(shared.export))
    assert {**told, "file": None} == {**before, "file": None} and told["config_hash"]
    assert read(file).metadata["tricks"] == read(shared.export).metadata["tricks"]
    with pytest.raises(UserError, match="holds 'resnet18_d'"):
        backbones.build("resnet18_b", 12, checkpoint=file)


def test_timm_loads_it(shared, expected):
    model = timm.create_model(f"local-dir:{shared.published.folder}", pretrained=True)
    assert (outputs(model) - expected).abs().max() < 1e-5
    given = timm.data.resolve_model_data_config(model)
    mean, std = (json.loads(shared.trained.facts[key]) for key in ("mean", "std"))
    assert given["mean"] == pytest.approx([v / 255 for v in mean], abs=1e-5)
    assert given["std"] == pytest.approx([v / 255 for v in std], abs=1e-5)
    assert (given["input_size"], given["crop_pct"]) == ((3, 64, 64), 1.0)


def test_timm_is_told_of_these_weights_alone(shared):
    """timm's own weights of this network have a tag, a license, an origin and maybe a paper."""
    other = timm.get_pretrained_cfg("resnet18d").to_dict()
    assert other["tag"] and other["license"] != "mit"
    folder = shared.published.folder
    told = timm.create_model(f"local-dir:{folder}", pretrained=True).pretrained_cfg
    assert told["license"] == "mit" and told["description"].startswith("trained on MiniWorld")
    about_weights = {"tag", "origin_url", "paper_name", "paper_ids", "notes", "label_names"}
    assert not about_weights & {key for key, value in told.items() if value}
    assert not any(
        str(other[key]) in (folder / "config.json").read_text() for key in ("tag", "url")
    )


def test_the_card_as_the_hub_reads_it(shared):
    told = ModelCard.load(shared.published.folder / "README.md")
    data = told.data
    assert (data.license, data.library_name, data.model_name) == ("mit", "timm", "my-net")
    assert "resnet18_d" in data.tags and "mixup" in data.tags
    assert data.datasets is None  # MiniWorld is no data set of the hub, which would look it up
    assert {it.dataset_type for it in data.eval_results} == {"miniworld"}
    assert "MiniWorld are generated" in told.text and "pip install -e ." in told.text
    protocols = [line.split(" | ")[3::3] for line in told.text.splitlines() if "| top-" in line]
    assert protocols == [[name, f"{name}, centre crop 64 |"] for name in ("top-1", "top-5")]
    assert "- Start: random weights" in told.text
    top1 = shared.trained.result["metrics"]["top1"]
    values = {(it.task_type, it.metric_name): it.metric_value for it in data.eval_results}
    assert values["image-classification", "top-1"] == pytest.approx(top1, abs=0.005)
    assert values["image-segmentation", "mIoU"] == 20.5
    assert values["image-segmentation", "pixel accuracy"] == 50.0
    assert "checkpoint='hf://me/my-net'" in told.text
    assert "timm.create_model('hf-hub:me/my-net', pretrained=True)" in told.text
    assert "seg/mini/fcn" in told.text and "/home/someone" not in told.content


def test_the_config_is_that_of_the_run_without_folders(shared, tiny_root, monkeypatch):
    folder = shared.published.folder
    python = Config.fromfile(folder / "train_config.py", import_custom_modules=False)
    data = json.loads((folder / "train_config.json").read_text())
    assert json.loads(json.dumps(python.to_dict())) == data
    assert data["model"]["backbone"]["name"] == "resnet18_d"
    assert data["train_dataloader"]["dataset"]["data_root"] == "data/miniworld/imagenet/train"
    assert not {"work_dir", "visualizer", "vis_backends"} & data.keys()
    monkeypatch.setenv("TRICKLIFT_ROOT", "data")
    assert config_hash(python) == shared.trained.result["config_hash"]
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix != ".safetensors":
            assert str(tiny_root.parent) not in file.read_text()
            assert str(shared.runs.parent) not in file.read_text()


def test_a_secret_in_a_config_is_refused(shared, tmp_path, monkeypatch):
    """Nothing is left of the folder. The kinds of secrets: test_config.py."""
    monkeypatch.setenv("WANDB_API_KEY", "value-of-my-key")
    runs = tmp_path / "runs"
    shutil.copytree(shared.runs, runs)
    config = next((runs / "cls/net/seed0").glob("*.py"))
    config.write_text(f'{config.read_text()}\nx = "value-of-my-key"\n')
    with pytest.raises(UserError, match=r"config\.json would show the value of WANDB_API_KEY"):
        publish(look(runs / "exports/net-seed0.safetensors"), tmp_path / "out", "mit", None, None)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_where_timm_has_not_the_network(train_and_export, tmp_path):
    """A quarter of the width: our names, no config.json, and the card says why."""
    file = train_and_export(tmp_path / "runs", **{"+model.backbone.width": 0.25})
    done = publish(look(file), tmp_path / "out", "mit", None, None)
    assert not (tmp_path / "out" / "config.json").exists()
    told = ModelCard.load(tmp_path / "out" / "README.md")
    assert told.data.library_name == "tricklift"
    assert "Not for timm: timm cannot hold resnet18_d at width 0.25" in told.text
    weights = tmp_path / "out" / "model.safetensors"
    options = {"width": 0.25}
    model = backbones.build("resnet18_d", 12, checkpoint=weights, **options)
    again = backbones.build("resnet18_d", 12, checkpoint=file, **options)
    assert torch.equal(outputs(model), outputs(again))
    assert done.timm


def test_data_that_the_hub_has_and_weights_to_start_from(shared):
    """The card names the data by the hub's id, and whose weights these began with."""
    result = {**shared.trained.result, "dataset": "CIFAR-10"}
    result["pretrained"] = {"name": "timm/resnet18d.ra2_in1k"}
    text = card(replace(shared.trained, result=result, downstream=[]), "net", "mit", [], [])
    assert ModelCard(text).data.datasets == ["uoft-cs/cifar10"] and "generated" not in text
    assert "- Start: the weights timm/resnet18d.ra2_in1k; their license counts, too" in text


def test_a_folder_of_something_else_is_kept(shared, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="no earlier publication"):
        publish(shared.trained, tmp_path, "mit", None, None)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_earlier_publication_is_replaced(shared, tmp_path):
    shutil.copytree(shared.published.folder, tmp_path / "out")
    (tmp_path / "out" / "downstream" / "seg-9.json").write_text("{}")
    publish(shared.trained, tmp_path / "out", "apache-2.0", None, None)
    assert not (tmp_path / "out" / "downstream" / "seg-9.json").exists()
    assert ModelCard.load(tmp_path / "out" / "README.md").data.license == "apache-2.0"


def test_the_run_is_found_or_asked_for(shared, tmp_path, monkeypatch):
    assert len(shared.trained.downstream) == 1  # of two, the one that started from these weights
    alone = tmp_path / "alone" / "net.safetensors"
    alone.parent.mkdir()
    shutil.copy(shared.export, alone)
    with pytest.raises(MissingFileError, match="--run"):
        look(alone)
    monkeypatch.chdir(shared.export.parent)  # the run is in the folder above
    assert look(Path(shared.export.name)).result == shared.trained.result
    assert look(alone, shared.runs / "cls/net/seed0").result == shared.trained.result
    assert len(look(alone, shared.runs / "cls/net/seed0", shared.runs).downstream) == 1
    with pytest.raises(MissingFileError, match=r"no result\.json in"):
        look(alone, tmp_path)
    with pytest.raises(UserError, match="tricklift export"):
        look(shared.published.folder / "model.safetensors")
    with pytest.raises(MissingFileError, match=r"no file .*gone"):
        look(tmp_path / "gone.safetensors")
