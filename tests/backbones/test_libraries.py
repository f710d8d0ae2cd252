"""Pretrained weights of timm and torchvision: from their caches, and without a network."""

from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

import backbones
from backbones import naming
from backbones.checkpoint import load_pretrained, pretrained
from backbones.libraries import is_reference


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches of both libraries, and no way out."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def assert_loaded(model: torch.nn.Module, theirs: torch.nn.Module, library: str) -> None:
    state = naming.library_naming(model.name, library).from_library(theirs.state_dict())
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key]), key


def test_torchvision_weights_from_its_cache(offline: Path, randomise) -> None:
    theirs = randomise(torchvision.models.resnet18())
    url = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.url
    file = offline / "torch" / "hub" / "checkpoints" / url.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    torch.save(theirs.state_dict(), file)
    for ref in ("torchvision/resnet18", "torchvision/resnet18.IMAGENET1K_V1"):
        model = backbones.build("resnet18_b")
        loaded = load_pretrained(model, ref)
        assert_loaded(model, theirs, "torchvision")
        assert loaded.metadata["source"] == ref
        assert loaded.metadata["mean"] == "[123.675, 116.28, 103.53]"


def test_timm_weights_from_its_cache(offline: Path, randomise) -> None:
    theirs = randomise(timm.create_model("resnet18d"))
    repository = offline / "hub" / "models--timm--resnet18d.ra2_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    save_file(theirs.state_dict(), snapshot / "model.safetensors")
    model = backbones.build("resnet18_d")
    loaded = load_pretrained(model, "timm/resnet18d.ra2_in1k")
    assert loaded.metadata["std"] == "[58.395, 57.12, 57.375]"
    assert_loaded(model, theirs, "timm")


@pytest.mark.parametrize(
    ("name", "network", "suffix"),
    [
        ("resnet18_d", "resnet18d", "safetensors"),
        ("resnet18_d", "resnet18d", "pth"),
        ("timm/resnet10t", "resnet10t", "safetensors"),
    ],
)
def test_timm_weights_from_a_local_file(
    name: str, network: str, suffix: str, tmp_path: Path, randomise
) -> None:
    theirs = randomise(timm.create_model(network))
    path = tmp_path / f"model.{suffix}"
    if suffix == "pth":
        torch.save(theirs.state_dict(), path)
    else:
        save_file(theirs.state_dict(), path, {"format": "pt"})  # as on timm's hub
    model = backbones.build(name)
    pretrained(name, path)
    assert load_pretrained(model, path).metadata["format"] == "timm"
    assert_loaded(model, theirs, "timm")
    with pytest.raises(ValueError, match="do not have a library's names for 'resnet50_a'"):
        pretrained("resnet50_a", path)
    with pytest.raises(ValueError, match="does not fit the backbone 'resnet34_d'; keys missing"):
        pretrained("resnet34_d", path)


@pytest.mark.parametrize(
    ("name", "ref", "cache"),
    [
        ("resnet18_b", "torchvision/resnet18", "torch hub, .*checkpoints"),
        ("resnet18_d", "timm/resnet18d.ra2_in1k", "Hugging Face hub, .*hub"),
        (
            "timm/mobilenetv1_100",
            "timm/mobilenetv1_100.ra4_e3600_r224_in1k",
            "Hugging Face hub, .*hub",
        ),
    ],
)
def test_without_a_network(name: str, ref: str, cache: str, offline: Path) -> None:
    message = rf"cannot get {ref}: not in the cache of \w+ \({cache}\), and downloading failed .*"
    with pytest.raises(FileNotFoundError, match=message + "Run once with a network"):
        load_pretrained(backbones.build(name), ref)


@pytest.mark.parametrize(
    ("name", "ref", "message"),
    [
        (
            "resnet50_d",
            "timm/resnet50",
            "holds 'resnet50', but .* is timm's 'resnet50d'; give timm/",
        ),
        (
            "resnet50_d",
            "timm/resnet50d.nope",
            "no weights 'nope' of 'resnet50d'; known: .*ra2_in1k",
        ),
        ("resnet50_b", "torchvision/resnet50.V9", "no weights 'V9' .*IMAGENET1K_V1.*IMAGENET1K_V2"),
        ("resnet50_a", "timm/resnet50", "timm cannot hold resnet50_a"),
    ],
)
def test_wrong_references(name: str, ref: str, message: str, offline: Path) -> None:
    with pytest.raises(ValueError, match=message):
        pretrained(name, ref)


def test_what_is_a_reference() -> None:
    assert is_reference("timm/resnet50d.ra2_in1k")
    assert is_reference("torchvision/resnet50")
    assert not is_reference("timm/run1.safetensors")
    assert not is_reference("out/timm/run1")
