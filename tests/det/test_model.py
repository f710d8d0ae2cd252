"""Faster R-CNN follows the backbone: channels, and the C4 head's weights."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from safetensors.torch import save_file
from torch import nn

import backbones
import det  # noqa: F401
from backbones import wrapper


def model_of(repo, leaf, **backbone):
    init_default_scope("mmdet")
    config = Config.fromfile(repo / "configs/det" / leaf)
    config.model.backbone.update(backbone)
    return config.model, MODELS.build(config.model)


@pytest.fixture
def exported(tmp_path):
    """Write a backbone as an exported file; returns its path and state."""

    def run(name):
        torch.manual_seed(7)
        state = backbones.build(name, num_classes=12).state_dict()
        path = tmp_path / f"{name}.safetensors"
        meta = {"format": "tricklift", "architecture": name, "options": "{}", "num_classes": "12"}
        save_file(state, path, meta)
        return str(path), state

    return run


@pytest.mark.parametrize("name", ["resnet18_b", "resnet18_d", "resnet34_c", "resnet50_d"])
@pytest.mark.parametrize("head", ["fpn", "c4"])
def test_one_word_changes_the_architecture(repo, name, head):
    config, model = model_of(repo, f"mini/faster_rcnn_{head}.py", name=name)
    channels = backbones.build(name).feature_info.channels
    if head == "fpn":
        assert tuple(conv.conv.in_channels for conv in model.neck.lateral_convs) == channels
        assert config.neck.in_channels is None, "the caller's config must stay as it is"
    else:
        assert model.rpn_head.in_channels == model.rpn_head.feat_channels == channels[2]
        assert model.roi_head.bbox_roi_extractor.out_channels == channels[2]
        assert model.roi_head.bbox_head.in_channels == channels[3]
        assert "name" not in config.roi_head.shared_head
    maps = model.eval().extract_feat(torch.zeros(1, 3, 64, 64))
    assert [m.shape[1] for m in maps] == ([128] * 5 if head == "fpn" else [channels[2]])


@pytest.mark.parametrize("name", ["resnet18_d", "resnet50_b"])
def test_c4_head_carries_stage_4_of_the_same_file(repo, name, exported):
    path, state = exported(name)
    _, model = model_of(repo, "mini/faster_rcnn_c4.py", name=name, checkpoint=path, norm_eval=True)
    torch.manual_seed(0)
    model.init_weights()
    head = model.roi_head.shared_head
    wanted = {k.removeprefix("stages.3."): v for k, v in state.items() if k.startswith("stages.3.")}
    found = head.stage.state_dict()
    assert wanted.keys() == found.keys()
    assert all(torch.equal(found[key], value) for key, value in wanted.items())
    body = model.backbone.net.state_dict()
    assert all(torch.equal(body[key], state[key]) for key in body)
    assert not any(key.startswith("stages.3.") for key in body)
    assert head.train().norm_eval


@pytest.mark.parametrize("head", ["c4", "fpn"])
def test_a_detector_builds_its_network_once(repo, head, monkeypatch):
    built = []

    def build(name, *args, **options):
        built.append(name)
        return backbones.build(name, *args, **options)

    monkeypatch.setattr(wrapper, "build", build)
    _, model = model_of(repo, f"mini/faster_rcnn_{head}.py")
    assert built == ["resnet18_b"]
    names = [name for name, _ in model.named_parameters()]
    assert len(names) == len(set(names))
    shared = [name for name in names if name.startswith("roi_head.shared_head.stage.")]
    assert bool(shared) == (head == "c4")


@pytest.mark.parametrize("name", ["resnet18_b", "timm/res2net50_26w_4s"])
def test_the_papers_detector_trains_no_norm(repo, name):
    """Whatever the library calls them (`norm1`, `bn1`), in the body and in the C4 head."""
    _, model = model_of(repo, "full/faster_rcnn_c4.py", name=name)
    model.train()
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    head = model.roi_head.shared_head
    assert any(part in norms for part in head.modules())
    assert not any(part.training for part in norms)
    assert not any(value.requires_grad for part in norms for value in part.parameters())
    assert all(part.weight.requires_grad for part in head.modules() if isinstance(part, nn.Conv2d))


def test_a_wrong_checkpoint_is_an_error(repo, exported):
    path, _ = exported("resnet18_b")
    _, model = model_of(repo, "mini/faster_rcnn_fpn.py", name="resnet18_d", checkpoint=path)
    with pytest.raises(ValueError, match=r"resnet18_b.*resnet18_d"):
        model.init_weights()


def test_channels_that_contradict_the_backbone(repo):
    init_default_scope("mmdet")
    config = Config.fromfile(repo / "configs/det/mini/faster_rcnn_fpn.py")
    config.model.neck.in_channels = [256, 512, 1024, 2048]
    with pytest.raises(
        ValueError,
        match=r"model.neck.in_channels is \[256, .*\], but the backbone says \[64, 128, 256, 512\]",
    ):
        MODELS.build(config.model)


def test_two_maps_without_a_neck(repo):
    with pytest.raises(ValueError, match=r"out_indices is \(1, 2\), but without a neck"):
        model_of(repo, "mini/faster_rcnn_c4.py", out_indices=(1, 2))


def test_unknown_or_missing_backbone(repo):
    with pytest.raises(ValueError, match=r"unknown backbone 'resnet18_e'.*did you mean"):
        model_of(repo, "mini/faster_rcnn_fpn.py", name="resnet18_e")
    with pytest.raises(ValueError, match=r"model.backbone has no name; set model.backbone.name"):
        model_of(repo, "mini/faster_rcnn_fpn.py", name=None)


def test_full_tier_freezes_what_the_paper_freezes(repo):
    for head in ("fpn", "c4"):
        _, model = model_of(repo, f"full/faster_rcnn_{head}.py")
        model.train()
        net = model.backbone.net
        norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert norms and not any(norm.training for norm in norms)
        assert not any(
            p.requires_grad for part in (net.stem, net.stages[0]) for p in part.parameters()
        )
        trained = [p for p in net.stages[1].parameters() if p.dim() > 1 or head == "fpn"]
        assert trained and all(p.requires_grad for p in trained), "of C4 no gamma, no beta"


def test_images_normalised_otherwise_than_the_weights_are_refused(repo, tmp_path):
    path = str(tmp_path / "half.safetensors")
    meta = {"format": "tricklift", "architecture": "resnet18_b", "options": "{}"}
    statistics = {"mean": "[127.5, 127.5, 127.5]", "std": "[127.5, 127.5, 127.5]"}
    save_file(backbones.build("resnet18_b", 12).state_dict(), path, {**meta, **statistics})
    config, model = model_of(repo, "mini/faster_rcnn_fpn.py", checkpoint=path)
    with pytest.raises(
        ValueError, match=r"half.safetensors was .*; set model.data_preprocessor.mean=\[127.5,"
    ):
        model.init_weights()
    config.data_preprocessor.update(mean=[127.5] * 3, std=[127.5] * 3)
    MODELS.build(config).init_weights()
