"""Every format, loaded by whom it is for; and what a format cannot hold."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

import backbones
from backbones import checkpoint
from backbones.export import TOLERANCE, Report, export
from backbones.export_targets import Tricklift

SMALL = {"width": 0.25}


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def logits(path: Path, name: str, images: torch.Tensor, **options) -> torch.Tensor:
    state = load_file(path)
    model = backbones.build(name, len(state["fc.weight"]), **options).eval()
    model.load_state_dict(state)
    with torch.no_grad():
        return model(images)


def test_to_tricklift_from_a_checkpoint(trained, tmp_path: Path) -> None:
    run = trained["ema"]
    report = export(run["path"], tmp_path / "a.safetensors")
    averaged = export(run["path"], tmp_path / "b.safetensors", ema=True)
    for done, weights in ((report, "trained"), (averaged, "averaged")):
        state = load_file(done.path)
        assert set(state) == set(run[weights])
        assert all(torch.equal(state[k], v) for k, v in run[weights].items())
        assert done.difference == 0
    metadata = metadata_of(report.path)
    assert metadata["format"] == "tricklift"
    assert metadata["architecture"] == report.architecture == "resnet18_d"
    assert json.loads(metadata["options"]) == SMALL
    assert (metadata["num_classes"], metadata["row"]) == ("3", "D-tricks")
    assert json.loads(metadata["tricks"]) == ["cosine", "mixup"]
    assert (metadata["ema"], metadata_of(averaged.path)["ema"]) == ("False", "True")
    assert {"created", "version", "dataset"} <= set(metadata)
    assert json.loads(metadata["mean"]) == [127.5] * 3


def test_an_export_of_an_export_is_the_same(exported, tmp_path: Path) -> None:
    first = exported("resnet18_d", **SMALL)
    second = export(first, tmp_path / "second.safetensors").path
    assert all(torch.equal(v, load_file(second)[k]) for k, v in load_file(first).items())
    assert metadata_of(second)["row"] == "B-baseline"


@pytest.mark.parametrize(
    ("name", "to"), [("resnet18_b", "torchvision"), ("resnet18_d", "timm"), ("resnet50_c", "timm")]
)
def test_to_torchvision_and_timm(name: str, to: str, exported, images, tmp_path: Path) -> None:
    import timm
    import torchvision

    source = exported(name, num_classes=5)
    report = export(source, tmp_path / "out.safetensors", to=to)
    assert report.compared == "logits"
    assert report.difference <= report.allowed
    metadata = metadata_of(report.path)
    assert metadata["format"] == to
    assert metadata["architecture"] == name
    if to == "timm":
        network = timm.create_model(metadata["network"], num_classes=5)
    else:
        network = torchvision.models.get_model(metadata["network"], num_classes=5)
    network.load_state_dict(load_file(report.path))
    with torch.no_grad():
        theirs = network.eval()(images)
    torch.testing.assert_close(theirs, logits(source, name, images), rtol=0, atol=1e-4)
    assert "num_classes=5" in report.usage


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet50_a", SMALL),
        ("resnet18_b", {}),
        ("resnet18_c", {}),
        ("resnet18_d", SMALL),
    ],
)
def test_to_mmdet(name: str, options: dict, exported, tmp_path: Path) -> None:
    from mmdet.models.backbones import resnet

    report = export(exported(name, **options), tmp_path / "out.safetensors", to="mmdet")
    assert report.compared == "stage features"
    metadata = metadata_of(report.path)
    assert metadata["network"] == ("ResNetV1d" if name.endswith("d") else "ResNet")
    network = getattr(resnet, metadata["network"])(**json.loads(metadata["arguments"]))
    result = network.load_state_dict(load_file(report.path), strict=False)
    assert not result.missing_keys
    assert not result.unexpected_keys


def test_to_mmdet_as_pth_for_its_own_pretrained_setting(exported, tmp_path: Path) -> None:
    from mmdet.models.backbones import resnet

    report = export(exported("resnet18_d"), tmp_path / "out.pth", to="mmdet")
    assert report.usage == (
        "backbone=dict(type='ResNetV1d', depth=18, style='pytorch', "
        f"init_cfg=dict(type='Pretrained', checkpoint={str(tmp_path / 'out.pth')!r}))"
    )
    init_cfg = {"type": "Pretrained", "checkpoint": str(report.path)}
    model = resnet.ResNetV1d(depth=18, init_cfg=init_cfg)
    model.init_weights()
    state = load_file(tmp_path / "weights.safetensors")
    assert torch.equal(model.stem[0].weight, state["stem.conv1.weight"])
    assert torch.equal(model.layer4[1].bn2.running_var, state["stages.3.1.norm2.running_var"])


def test_to_onnx(exported, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    source = exported("resnet18_d", num_classes=5, **SMALL)
    report = export(source, tmp_path / "out.onnx", to="onnx")
    session = onnxruntime.InferenceSession(report.path, providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 64, 64), (3, 3, 97, 65)):
        images = torch.randn(shape)
        (theirs,) = session.run(["logits"], {"images": images.numpy()})
        ours = logits(source, "resnet18_d", images, **SMALL)
        torch.testing.assert_close(torch.from_numpy(theirs), ours, rtol=0, atol=1e-4)
    metadata = {p.key: p.value for p in onnx.load(report.path).metadata_props}
    assert metadata["architecture"] == "resnet18_d"
    assert metadata["row"] == "B-baseline"


def test_to_onnx_of_a_network_that_needs_more_than_64_pixels(exported, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    report = export(exported("timm/inception_v3"), tmp_path / "out.onnx", to="onnx")
    assert report.difference <= report.allowed


@pytest.mark.slow
def test_what_the_exporter_cannot_write_is_refused_in_its_words(exported, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    source = exported("timm/vgg11")
    with pytest.raises(ValueError, match=r"onnx cannot hold timm/vgg11: .*: Unsupp.*avg_pool"):
        export(source, tmp_path / "out.onnx", to="onnx")
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize(
    ("name", "options", "to", "message"),
    [
        (
            "resnet18_d",
            SMALL,
            "torchvision",
            "torchvision cannot hold resnet18_d: .*variant B alone",
        ),
        ("resnet50_a", SMALL, "timm", "timm cannot hold resnet50_a: it has no 'resnet50a'"),
        ("resnet18_b", SMALL, "timm", "timm cannot hold resnet18_b at width 0.25"),
        ("resnet18_b", SMALL, "torchvision", "torchvision cannot hold resnet18_b at width 0.25"),
        ("resnet18_d", {"output_stride": 8}, "mmdet", "at output_stride 8: .* run at stride 32"),
        (
            "resnet18_d",
            SMALL,
            "keras",
            "unknown format 'keras'; known: tricklift, torchvision, timm",
        ),
    ],
)
def test_refusals(name: str, options: dict, to: str, message: str, exported, tmp_path) -> None:
    source = exported(name, **options)
    with pytest.raises(ValueError, match=message):
        export(source, tmp_path / "out.safetensors", to=to)
    assert [p.name for p in tmp_path.iterdir()] == [source.name]


@pytest.mark.parametrize(
    ("out", "to", "message"),
    [
        ("a.pth", "tricklift", r"to tricklift ends in \.safetensors; got 'a\.pth'"),
        ("a.safetensors", "onnx", r"to onnx ends in \.onnx"),
        ("a.onnx", "mmdet", r"to mmdet ends in \.safetensors or \.pth"),
    ],
)
def test_wrong_endings(out: str, to: str, message: str, exported, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        export(exported("resnet18_b", **SMALL), tmp_path / out, to=to)


def test_a_folder_is_no_file(exported, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").mkdir()
    with pytest.raises(ValueError, match=r"x\.safetensors: it is a folder; name a file"):
        export(exported("resnet18_b", **SMALL), tmp_path / "x.safetensors")


def test_weights_that_are_not_what_they_say(exported, tmp_path: Path) -> None:
    source = checkpoint.read(exported("resnet18_b", **SMALL))
    bad = tmp_path / "bad.safetensors"
    checkpoint.save(bad, source.state, {**source.metadata, "architecture": "resnet18_d"})
    with pytest.raises(ValueError, match=r"does not fit the backbone 'resnet18_d'.*keys missing"):
        export(bad, tmp_path / "out.safetensors")
    headless = {k: v for k, v in source.state.items() if not k.startswith("fc.")}
    checkpoint.save(bad, headless, source.metadata)
    with pytest.raises(ValueError, match=r"holds no head \(fc\.weight, fc\.bias\)"):
        export(bad, tmp_path / "out.safetensors")


def test_a_diverged_network_is_not_exported_and_the_old_file_stays(
    exported, tmp_path: Path
) -> None:
    source = checkpoint.read(exported("resnet18_b", **SMALL))
    state = {**source.state, "fc.bias": source.state["fc.bias"] * float("nan")}
    checkpoint.save(tmp_path / "bad.safetensors", state, source.metadata)
    out = tmp_path / "out.safetensors"
    out.write_text("old")
    with pytest.raises(ValueError, match=r"its logits are not finite.*diverged"):
        export(tmp_path / "bad.safetensors", out)
    assert out.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 3


def test_an_export_that_changes_the_outputs_is_not_kept(exported, tmp_path, monkeypatch) -> None:
    """A fault in a naming table: two norms of the stem change places."""
    from backbones import naming

    rows = dict(naming.DEEP_STEM_TIMM)
    rows["stem.norm1"], rows["stem.norm2"] = rows["stem.norm2"], rows["stem.norm1"]
    monkeypatch.setattr(naming, "DEEP_STEM_TIMM", tuple(rows.items()))
    source = exported("resnet18_d")
    with pytest.raises(RuntimeError, match="export to timm was not kept: its logits differ by"):
        export(source, tmp_path / "out.safetensors", to="timm")
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize(("logit", "scale"), [(0.5, 1), (-300.0, 300)])
def test_the_tolerance_scales_with_large_outputs_only(
    logit: float, scale: float, exported, tmp_path: Path, monkeypatch
) -> None:
    """The head is its bias alone, so the largest logit is known whatever the images are."""
    source = checkpoint.read(exported("resnet18_b", **SMALL))
    head = {
        "fc.weight": torch.zeros_like(source.state["fc.weight"]),
        "fc.bias": torch.full_like(source.state["fc.bias"], logit),
    }
    checkpoint.save(tmp_path / "head.safetensors", {**source.state, **head}, source.metadata)

    def export_that_is_off_by(difference: float) -> Report:
        def load(self, path, model):
            return lambda images: model(images) + difference

        monkeypatch.setattr(Tricklift, "load", load)
        return export(tmp_path / "head.safetensors", tmp_path / "out.safetensors")

    report = export_that_is_off_by(0.9 * TOLERANCE * scale)
    assert report.allowed == pytest.approx(TOLERANCE * scale)
    with pytest.raises(RuntimeError, match="export to tricklift was not kept: its logits differ"):
        export_that_is_off_by(1.1 * TOLERANCE * scale)
