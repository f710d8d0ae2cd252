"""FCN and PSPNet follow the backbone."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from safetensors.torch import save_file

import backbones
import seg  # noqa: F401


def model_of(repo, leaf, **backbone):
    init_default_scope("mmseg")
    config = Config.fromfile(repo / "configs/seg" / leaf)
    config.model.backbone.update(backbone)
    return config.model, MODELS.build(config.model)


NAMES = (
    *("resnet18_b", "resnet18_d", "resnet34_c", "resnet50_d"),
    *("rednet26", "preresnet18_b", "seresnet18_b"),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("head", ["fcn", "pspnet"])
def test_one_word_changes_the_architecture(repo, name, head):
    config, model = model_of(repo, f"mini/{head}.py", name=name)
    channels = backbones.build(name).feature_info.channels
    decode, aux = model.decode_head, model.auxiliary_head
    assert (decode.in_channels, decode.channels) == (channels[3], channels[3] // 4)
    assert (aux.in_channels, aux.channels) == (channels[2], channels[2] // 4)
    assert "in_channels" not in config.decode_head, "the caller's config must stay as it is"
    maps = model.eval().extract_feat(torch.zeros(1, 3, 64, 64))
    assert [m.shape[-1] for m in maps] == [16, 8, 8, 8], "output stride 8"
    logits = model(torch.zeros(1, 3, 64, 64), None, mode="tensor")
    assert tuple(logits.shape) == (1, 17, 8, 8)


def test_the_checkpoint_is_loaded(repo, tmp_path):
    state = backbones.build("resnet18_d", num_classes=12).state_dict()
    path = str(tmp_path / "x.safetensors")
    meta = {"format": "tricklift", "architecture": "resnet18_d", "options": "{}"}
    save_file(state, path, {**meta, "num_classes": "12"})
    _, model = model_of(repo, "mini/fcn.py", name="resnet18_d", checkpoint=path)
    model.init_weights()
    found = model.backbone.net.state_dict()
    assert all(torch.equal(found[key], state[key]) for key in found)
    assert len(found) == len(state) - 2  # all but the fc layer's weight and bias


def test_several_auxiliary_heads(repo):
    init_default_scope("mmseg")
    config = Config.fromfile(repo / "configs/seg/mini/fcn.py").model
    aux = config.auxiliary_head
    config.auxiliary_head = [aux, {**aux, "in_index": 1}]
    model = MODELS.build(config)
    assert [head.in_channels for head in model.auxiliary_head] == [256, 128]


def test_channels_that_contradict_the_backbone(repo):
    init_default_scope("mmseg")
    config = Config.fromfile(repo / "configs/seg/mini/fcn.py").model
    config.decode_head.in_channels = 2048
    with pytest.raises(
        ValueError, match=r"model.decode_head.in_channels is 2048, but the backbone says 512; leave"
    ):
        MODELS.build(config)


def test_index_of_a_map_that_is_not_handed_on(repo):
    with pytest.raises(ValueError, match=r"decode_head.in_index is 3, but .*out_indices=\(2, 3\)"):
        model_of(repo, "mini/fcn.py", out_indices=(2, 3))


def test_unknown_backbone(repo):
    with pytest.raises(ValueError, match=r"unknown backbone 'resnet18_e'.*did you mean"):
        model_of(repo, "mini/fcn.py", name="resnet18_e")


def test_images_normalised_otherwise_than_the_weights_are_refused(repo, tmp_path):
    path = str(tmp_path / "half.safetensors")
    meta = {"format": "tricklift", "architecture": "resnet18_b", "options": "{}"}
    statistics = {"mean": "[127.5, 127.5, 127.5]", "std": "[127.5, 127.5, 127.5]"}
    save_file(backbones.build("resnet18_b", 12).state_dict(), path, {**meta, **statistics})
    config, model = model_of(repo, "mini/fcn.py", checkpoint=path)
    with pytest.raises(
        ValueError, match=r"half.safetensors was .*; set model.data_preprocessor.mean=\[127.5,"
    ):
        model.init_weights()
    config.data_preprocessor.update(mean=[127.5] * 3, std=[127.5] * 3)
    MODELS.build(config).init_weights()
