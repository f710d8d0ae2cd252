"""What a teacher can be loaded from, and what is refused."""

from pathlib import Path

import pytest
import timm
import torch
import torchvision
from mmengine.runner import Runner
from safetensors.torch import save_file

import backbones
from backbones.files import save
from backbones.libraries import statistics
from backbones.normalisation import as_metadata
from cls.preprocessor import MEAN, STD
from cls.teacher import Teacher, load_teacher

STATISTICS = (torch.tensor(MEAN), torch.tensor(STD))
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def exported(
    folder: Path, classes: int = 3, name: str = "resnet18_d", metadata: dict[str, str] | None = None
) -> tuple[Path, torch.nn.Module]:
    network = backbones.build(name, num_classes=classes, width=0.125).eval()
    metadata = {"architecture": name, "options": '{"width": 0.125}', **(metadata or {})}
    save(folder / "t.safetensors", network.state_dict(), metadata)
    return folder / "t.safetensors", network


@pytest.mark.parametrize("name", [None, "resnet18_d"])
def test_an_exported_file_says_what_it_holds(tmp_path, name):
    file, network = exported(tmp_path)
    teacher = load_teacher({"checkpoint": str(file), "name": name}, 3, *STATISTICS)
    with torch.no_grad():
        torch.testing.assert_close(teacher(IMAGES), network(IMAGES))


def test_a_network_of_timm(tmp_path):
    """timm names the network, a file of ours holds its weights."""
    network = backbones.build("timm/mobilenetv1_100", num_classes=3).eval()
    file = tmp_path / "t.safetensors"
    save(file, network.state_dict(), {"architecture": "timm/mobilenetv1_100"})
    teacher = load_teacher({"checkpoint": str(file)}, 3, *STATISTICS)
    with torch.no_grad():
        torch.testing.assert_close(teacher(IMAGES), network(IMAGES))


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.nn.Module]:
    """Networks whose weights lie in the libraries' caches; nothing can be downloaded."""
    from huggingface_hub import constants

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    resnet, vit = torchvision.models.resnet18(), timm.create_model("vit_tiny_patch16_224")
    torch.nn.init.normal_(vit.head.weight)  # timm starts it at 0
    url = torchvision.models.ResNet18_Weights.DEFAULT.url
    file = tmp_path / "torch" / "hub" / "checkpoints" / url.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    torch.save(resnet.state_dict(), file)
    repository = tmp_path / "hub" / "models--timm--vit_tiny_patch16_224.augreg_in21k_ft_in1k"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    save_file(vit.state_dict(), snapshot / "model.safetensors")
    return {"torchvision/resnet18": resnet.eval(), "timm/vit_tiny_patch16_224": vit.eval()}


@pytest.mark.parametrize("ref", ["torchvision/resnet18", "timm/vit_tiny_patch16_224"])
def test_a_librarys_weights_teach_in_the_librarys_network(cached, ref):
    teacher = load_teacher({"checkpoint": ref, "name": None}, 1000, *STATISTICS)
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    scale, shift = (1.0, 0.0) if teacher.scale is None else (teacher.scale, teacher.shift)
    seen = images * torch.as_tensor(scale).view(-1, 1, 1) + torch.as_tensor(shift).view(-1, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(teacher(images), cached[ref](seen))
    with pytest.raises(ValueError, match=rf"{ref} does not fit 12 classes: it has 1000"):
        load_teacher({"checkpoint": ref}, 12, *STATISTICS)


def test_a_file_of_a_librarys_weights(tmp_path):
    theirs = torchvision.models.resnet18(num_classes=3).eval()
    file = tmp_path / "resnet18.pth"
    torch.save(theirs.state_dict(), file)
    teacher = load_teacher({"checkpoint": str(file), "name": "resnet18_b"}, 3, *STATISTICS)
    with torch.no_grad():
        torch.testing.assert_close(teacher(IMAGES), theirs(IMAGES))
    with pytest.raises(ValueError, match="does not say which network it is for"):
        load_teacher({"checkpoint": str(file)}, 3, *STATISTICS)


def test_a_file_of_any_network_of_timm(tmp_path):
    """A transformer cannot be a backbone here, but it can teach."""
    vit = timm.create_model("vit_tiny_patch16_224", num_classes=3).eval()
    torch.nn.init.normal_(vit.head.weight)  # timm starts it at 0
    file = tmp_path / "vit.safetensors"
    save_file(vit.state_dict(), file)
    settings = {"checkpoint": str(file), "name": "timm/vit_tiny_patch16_224"}
    teacher = load_teacher(settings, 3, *STATISTICS)
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(teacher(images), vit(images))
    with pytest.raises(ValueError, match=r"does not fit 5 classes: head.weight \(3, 192\) for \(5"):
        load_teacher(settings, 5, *STATISTICS)
    with pytest.raises(ValueError, match=r"unknown backbone 'timm/vit_tiny_patch61_224'.*did you"):
        load_teacher({**settings, "name": "timm/vit_tiny_patch61_224"}, 3, *STATISTICS)


def test_timm_says_how_its_weights_were_normalised():
    mean, std = statistics("timm/resnet18.a1_in1k")
    assert mean == pytest.approx([123.675, 116.28, 103.53])
    assert std == pytest.approx([58.395, 57.12, 57.375])
    assert statistics("timm/inception_v3.tf_in1k")[0] == [127.5] * 3


def test_a_checkpoint_of_the_classification_stage(tiny_config):
    cfg = tiny_config(epochs=1)
    runner = Runner.from_cfg(cfg)
    runner.train()
    settings = {"checkpoint": str(Path(cfg.work_dir) / "epoch_1.pth")}
    teacher = load_teacher(settings, 3, *STATISTICS)
    runner.model.eval()
    with torch.no_grad():
        torch.testing.assert_close(teacher(IMAGES), runner.model(IMAGES))


def test_a_teacher_with_another_normalisation_sees_its_own(tmp_path):
    file, network = exported(tmp_path)
    settings = {"checkpoint": str(file), "mean": [127.5] * 3, "std": [127.5] * 3}
    teacher = load_teacher(settings, 3, *STATISTICS)
    pixels = torch.rand(2, 3, 32, 32) * 255
    ours = (pixels - STATISTICS[0].view(3, 1, 1)) / STATISTICS[1].view(3, 1, 1)
    with torch.no_grad():
        want = network((pixels - 127.5) / 127.5)
    torch.testing.assert_close(teacher(ours), want, rtol=1e-3, atol=1e-4)


def test_a_file_says_how_its_teacher_was_normalised(tmp_path):
    """By hand: 0 of the student is 123.68, which is (123.68 - 127.5) / 50 to the teacher."""
    file, network = exported(tmp_path, metadata=as_metadata([127.5] * 3, [50.0] * 3))
    teacher = load_teacher({"checkpoint": str(file)}, 3, *STATISTICS)
    zeros = torch.zeros(1, 3, 32, 32)
    seen = zeros + torch.tensor([(m - 127.5) / 50 for m in MEAN]).view(3, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(teacher(zeros), network(seen))
    # What is set goes over what the file says.
    settings = {"checkpoint": str(file), "mean": list(MEAN), "std": list(STD)}
    teacher = load_teacher(settings, 3, *STATISTICS)
    with torch.no_grad():
        torch.testing.assert_close(teacher(IMAGES), network(IMAGES))


def test_torchvisions_inception_changes_its_images_itself():
    """The whole network takes ImageNet's normalisation, though its layers see another."""
    assert statistics("torchvision/inception_v3")[0] == pytest.approx([123.675, 116.28, 103.53])


def test_a_teacher_answers_in_eval_whatever_its_network_was_in():
    network = backbones.build("resnet18_b", num_classes=3, width=0.125).train()
    teacher = Teacher(network)
    assert torch.equal(teacher(IMAGES), teacher(IMAGES))
    assert not teacher(IMAGES).requires_grad


def test_other_classes_are_refused(tmp_path):
    file, _ = exported(tmp_path, classes=5)
    with pytest.raises(ValueError, match=r"does not fit 3 classes: fc.weight \(5, .*same classes"):
        load_teacher({"checkpoint": str(file)}, 3, *STATISTICS)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({}, ValueError, "needs a trained teacher: set model.distillation.teacher.checkpoint"),
        ({"checkpoint": "gone.safetensors"}, FileNotFoundError, "'gone.safetensors' is no file"),
        (
            {"checkpoint": "torchvision/resnet18", "width": 0.5},
            ValueError,
            "set model.distillation.teacher.name",
        ),
        (
            {"checkpoint": "torchvision/fasterrcnn_resnet50_fpn"},
            ValueError,
            "no pretrained weights for 'fasterrcnn_resnet50_fpn'",
        ),
        (
            {"checkpoint": "torchvision/resnet18", "name": "resnet34_b"},
            ValueError,
            "holds 'resnet18', but the backbone 'resnet34_b' is",
        ),
        (
            {"checkpoint": "timm/resnet18d.of_mine", "name": "resnet18_d"},
            ValueError,
            "no weights 'of_mine'",
        ),
    ],
)
def test_what_is_no_teacher(settings, error, message):
    with pytest.raises(error, match=message):
        load_teacher(settings, 3, *STATISTICS)


def test_an_unreadable_file_is_named(tmp_path):
    file = tmp_path / "t.safetensors"
    file.write_bytes(b"not weights")
    with pytest.raises(ValueError, match=r"t.safetensors is not a readable safetensors file"):
        load_teacher({"checkpoint": str(file)}, 3, *STATISTICS)


def test_options_over_those_of_the_file_must_fit(tmp_path):
    file, _ = exported(tmp_path)
    with pytest.raises(ValueError, match="does not fit the backbone 'resnet18_d' with"):
        load_teacher({"checkpoint": str(file), "width": 0.25}, 3, *STATISTICS)
