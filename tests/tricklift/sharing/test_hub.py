"""To a Hugging Face hub on loopback and back, by its real client and timm's (docs/sharing.md)."""

import json
from pathlib import Path

import hub_server
import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import load_file

import backbones
from backbones import hub as addresses
from backbones.checkpoint import load_pretrained
from tricklift.errors import DownloadError, MissingFileError, UserError
from tricklift.records.identity import weights_origin
from tricklift.sharing import hub
from tricklift.train import build_config

TOKEN = "hf_write_of_me"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The client reads its address when it is imported: set here as the environment would."""
    with hub_server.serving() as held:
        aim(monkeypatch, held.url, tmp_path / "cache")
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield held


def aim(monkeypatch, url: str, cache: Path) -> None:
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    import huggingface_hub.file_download as download

    monkeypatch.setattr(download, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)


@pytest.fixture
def there(server, shared):
    """The published folder, on the hub."""
    hub.check("me/my-net")
    assert hub.upload(shared.published.folder, "me/my-net", private=False).endswith("me/my-net")
    return server


@torch.no_grad()
def outputs(model: torch.nn.Module) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return model.eval()(torch.randn(2, 3, 64, 64, generator=generator))


def test_there_and_back(there, shared):
    folder = shared.published.folder
    held = there.files["me/my-net"]
    assert set(held) == {
        str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()
    }
    assert held["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert len(there.large) == 1 and there.tokens == {TOKEN}
    assert TOKEN.encode() not in b"".join(held.values())
    expected = outputs(backbones.build("resnet18_d", 12, checkpoint=shared.export))
    for address in ("hf://me/my-net", "hf://me/my-net@main", f"hf://me/my-net@{hub_server.COMMIT}"):
        model = backbones.build("resnet18_d", 12, checkpoint=address)
        assert (outputs(model) - expected).abs().max() < 1e-5
    model = timm.create_model("hf-hub:me/my-net", pretrained=True)
    assert (outputs(model) - expected).abs().max() < 1e-5


def test_again_replaces_what_was_there(there, shared):
    there.files["me/my-net"]["downstream/seg-7.json"] = b"{}"
    hub.upload(shared.published.folder, "me/my-net", private=False)
    assert "downstream/seg-7.json" not in there.files["me/my-net"]
    assert "downstream/seg-0.json" in there.files["me/my-net"]


def test_a_run_starts_from_it(there, shared):
    """The config names the file in the cache, whose metadata say what the weights are."""
    cfg = build_config(
        "det/mini/faster_rcnn_fpn", backbone="resnet18_d", pretrained="hf://me/my-net"
    )
    file = cfg.model.backbone.checkpoint
    assert hub_server.COMMIT in file and file.endswith("model.safetensors")
    assert weights_origin(file)["row"] == shared.trained.result["row"]
    teacher = build_config(
        "cls/mini/resnet18_b-baseline", tricks=["distillation"], teacher="hf://me/my-net"
    )
    assert teacher.model.distillation.teacher.checkpoint == file


def test_rows_of_a_tier_start_from_it(there):
    """As weights of one's own data, and as the teacher of a run."""
    from tricklift.own.written import _weights
    from tricklift.suite.choices import checked_teacher

    row = _weights("hf://me/my-net")
    assert (row["name"], row["backbone"]) == ("me_my-net", "resnet18_d")
    assert row["checkpoint"] == str(addresses.fetch("hf://me/my-net"))
    assert checked_teacher("hf://me/my-net", ["distillation"]) == "hf://me/my-net"


def test_a_config_of_mmdet_may_name_it(there):
    """The backbone loads it, whatever command reads the config."""
    from backbones.wrapper import TrickBackbone

    backbone = TrickBackbone(name="resnet18_d", checkpoint="hf://me/my-net")
    backbone.init_weights()
    held = load_file(addresses.fetch("hf://me/my-net"))
    assert torch.equal(backbone.net.stem.conv1.weight, held["conv1.0.weight"])


def test_from_the_cache_without_a_network(there, monkeypatch):
    file = addresses.fetch("hf://me/my-net")
    aim(monkeypatch, "http://127.0.0.1:9", Path(constants.HF_HUB_CACHE))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert addresses.fetch("hf://me/my-net") == file
    with pytest.raises(MissingFileError, match=r"hf://me/other: not in the cache .*give a file"):
        addresses.fetch("hf://me/other")


def test_a_damaged_file_is_refused(there):
    file = addresses.fetch("hf://me/my-net").resolve()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged in the cache.*remove"):
        backbones.build("resnet18_d", 12, checkpoint="hf://me/my-net")
    file.unlink()
    backbones.build("resnet18_d", 12, checkpoint="hf://me/my-net")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("hf://me/none", "no repository me/none .*HF_TOKEN"),
        ("hf://me/my-net@v9", "me/my-net has no revision 'v9'"),
        ("hf://me/empty", r"holds no model\.safetensors"),
        ("hf://my-net", "give hf://USER/NAME"),
        ("hf://a/b/c", "give hf://USER/NAME"),
    ],
)
def test_what_is_not_there(there, address, said):
    there.files["me/empty"] = {"README.md": b"x"}
    with pytest.raises(UserError, match=said):
        load_pretrained(backbones.build("resnet18_d", 12), address)


def test_who_may_not_write(server, shared, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_read_only_of_me")
    with pytest.raises(
        UserError, match=r"does not let you write me/my-net.*hf auth login"
    ) as error:
        hub.upload(shared.published.folder, "me/my-net", private=False)
    assert "hf_read" not in str(error.value) and not server.files
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "nowhere")
    with pytest.raises(UserError, match="no token of the hub here"):
        hub.check("me/my-net")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(UserError, match="give USER/NAME, got 'my-net'"):
        hub.check("my-net")


def test_a_hub_that_cannot_be_reached(server, shared, monkeypatch):
    aim(monkeypatch, "http://127.0.0.1:9", Path(constants.HF_HUB_CACHE))
    with pytest.raises(DownloadError, match=r"cannot be reached.*is complete"):
        hub.upload(shared.published.folder, "me/my-net", private=False)


def test_json_of_the_result_is_what_the_run_left(there, shared):
    told = json.loads(there.files["me/my-net"]["result.json"])
    assert told["metrics"] == shared.trained.result["metrics"]
    assert told["config"] == "configs/cls/mini/resnet18_d-tricks.py"
