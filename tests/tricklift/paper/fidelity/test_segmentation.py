"""Every segmentation row: the segmenter that its config builds, against the authors' recipe.

Source: the authors' public code (GluonCV; arXiv:1812.01187, section 6.2); PSPNet is
arXiv:1612.01105.
"""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS, TRANSFORMS
from torch import nn

import seg  # noqa: F401

ENDINGS = ("b-standard", "d-efficient", "d-cosine", "d-smooth", "d-distill", "d-mixup")
ENDINGS += ("d-mixup-distill",)
DRAWS = 10_000


@pytest.fixture(scope="module", params=["fcn-b-standard", "fcn-d-cosine", "pspnet-d-cosine"])
def built(request, config_of):
    init_default_scope("mmseg")
    cfg = config_of(f"seg/full/{request.param}")
    return cfg, MODELS.build(copy.deepcopy(cfg.model)).train()


def step(cfg: Any, kind: str) -> Any:
    pipeline = cfg.train_dataloader.dataset.pipeline
    return TRANSFORMS.build(dict(next(s for s in pipeline if s["type"] == kind)))


@pytest.mark.parametrize("head", ["fcn", "pspnet"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_differ_in_the_backbone_alone(head, ending, config_of):
    row = config_of(f"seg/full/{head}-{ending}").to_dict()
    base = config_of(f"seg/full/{head}").to_dict()
    backbone = row["model"]["backbone"]
    assert backbone.pop("name") == f"resnet50_{ending[0]}"
    assert backbone.pop("checkpoint") == f"exports/resnet50_{ending}.safetensors"
    assert base["model"]["backbone"].pop("checkpoint") is None
    base["model"]["backbone"].pop("name")
    assert row == base


def test_output_stride_8_by_dilation(built):
    """Layer3 has dilation 2 and layer4 has 4; the first block of each uses half of it."""
    _, model = built
    stages = model.backbone.net.stages
    for stage, first, rest in ((0, 1, 1), (1, 1, 1), (2, 1, 2), (3, 2, 4)):
        found = [block.conv2.dilation[0] for block in stages[stage]]
        assert found == [first] + [rest] * (len(found) - 1)
        assert all(b.conv2.padding == b.conv2.dilation for b in stages[stage])
    strides = [block.conv2.stride[0] for stage in stages for block in stage]
    assert [i for i, s in enumerate(strides) if s == 2] == [3], "only layer2 halves"
    with torch.no_grad():
        maps = model.backbone(torch.zeros(1, 3, 64, 64))
    assert [m.shape[-1] for m in maps] == [16, 8, 8, 8]


def test_heads(built):
    cfg, model = built
    decode, auxiliary = model.decode_head, model.auxiliary_head
    assert (auxiliary.in_channels, auxiliary.channels, auxiliary.in_index) == (1024, 256, 2)
    assert (decode.in_channels, decode.channels, decode.in_index) == (2048, 512, 3)
    assert decode.loss_decode.loss_weight == 1.0
    assert auxiliary.loss_decode.loss_weight == 0.5
    fcn_heads = [auxiliary, decode]
    if type(decode).__name__ == "PSPHead":
        fcn_heads = [auxiliary]
        assert decode.pool_scales == (1, 2, 3, 6)
    for head in fcn_heads:
        (only,) = head.convs
        assert (only.conv.kernel_size, only.conv.in_channels) == ((3, 3), head.in_channels)
        assert only.conv.out_channels == head.in_channels // 4
        assert type(only.norm) is nn.BatchNorm2d and type(only.activate) is nn.ReLU
    for head in (decode, auxiliary):
        assert head.dropout.p == 0.1
        assert (head.conv_seg.kernel_size, head.conv_seg.out_channels) == ((1, 1), 150)
    assert cfg.sync_bn == "torch" and model.backbone.frozen == []
    assert all(m.training for m in model.modules() if isinstance(m, nn.BatchNorm2d))


def test_optimizer_and_ten_times_the_rate_in_the_heads(built):
    cfg, model = built
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    names = {id(p): n for n, p in model.named_parameters()}
    groups = {names[id(p)]: g for g in wrapper.optimizer.param_groups for p in g["params"]}
    assert set(groups) == set(names.values())
    for name, group in groups.items():
        assert group["lr"] == pytest.approx(0.01 if name.startswith("backbone.") else 0.1), name
        assert (group["weight_decay"], group["momentum"]) == (1e-4, 0.9)
    fast = sum(group["lr"] > 0.05 for group in groups.values())
    assert fast == (10 if type(model.decode_head).__name__ == "FCNHead" else 22)


@pytest.mark.parametrize("head", ["fcn", "pspnet"])
def test_scale_is_uniform_between_half_and_double_of_520(head, config_of):
    init_default_scope("mmseg")
    resize = step(config_of(f"seg/full/{head}-d-cosine"), "RandomResize")
    np.random.seed(0)
    found = np.array([min(resize._random_scale()) for _ in range(DRAWS)]) / 520
    assert 0.497 < found.min() < 0.51 and 1.99 < found.max() <= 2.0
    spread = 1.5 / math.sqrt(12)
    assert found.mean() == pytest.approx(1.25, abs=4 * spread / math.sqrt(DRAWS) + 1 / 520)
    assert found.std() == pytest.approx(spread, rel=0.03)
    image = {"img": np.zeros((400, 600, 3), np.uint8), "img_shape": (400, 600)}
    height, width = resize(image)["img"].shape[:2]
    assert 260 <= height <= 1040 and width == pytest.approx(1.5 * height, abs=1)


@pytest.mark.parametrize("head", ["fcn", "pspnet"])
def test_crop_480_everywhere_in_the_image(head, config_of):
    init_default_scope("mmseg")
    crop = step(config_of(f"seg/full/{head}-d-cosine"), "RandomCrop")
    np.random.seed(0)
    image = {"img": np.zeros((680, 880, 3), np.uint8)}
    boxes = np.array([crop.crop_bbox(image) for _ in range(DRAWS)])
    assert (boxes[:, 1] - boxes[:, 0] == 480).all() and (boxes[:, 3] - boxes[:, 2] == 480).all()
    assert (boxes[:, 0].min(), boxes[:, 0].max()) == (0, 200)
    assert (boxes[:, 2].min(), boxes[:, 2].max()) == (0, 400)
    for start, most in ((boxes[:, 0], 200), (boxes[:, 2], 400)):  # uniform over 0, 1, ..., most
        spread = math.sqrt(((most + 1) ** 2 - 1) / 12)
        assert start.mean() == pytest.approx(most / 2, abs=4 * spread / math.sqrt(DRAWS))
        assert start.std() == pytest.approx(spread, rel=0.03)


@pytest.mark.parametrize("head", ["fcn", "pspnet"])
def test_half_of_the_images_are_mirrored_and_blurred(head, config_of):
    init_default_scope("mmseg")
    cfg = config_of(f"seg/full/{head}-d-cosine")
    blur, flip = step(cfg, "RandomBlur"), step(cfg, "RandomFlip")
    np.random.seed(0)
    pixel = np.zeros((9, 9, 3), np.uint8)
    pixel[4, 4] = 255
    blurred = [blur({"img": pixel})["img"][4, 4, 0] for _ in range(DRAWS)]
    # A deviation under about 0.2 pixels (a fifth of the draws) leaves uint8 pixels as they are.
    share = np.mean(np.array(blurred) < 255)
    assert 0.35 < share < 0.5
    assert blur.prob == 0.5
    side = pixel.copy()
    side[4, 0] = 255
    mirrored = [
        flip({"img": side, "img_shape": (9, 9), "gt_seg_map": side[..., 0], "seg_fields": []})[
            "img"
        ][4, 0, 0]
        == 0
        for _ in range(DRAWS)
    ]
    assert np.mean(mirrored) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(DRAWS))


@pytest.mark.parametrize("head", ["fcn", "pspnet"])
def test_batch_epochs_and_validation(head, config_of):
    cfg = config_of(f"seg/full/{head}-d-cosine")
    assert cfg.train_dataloader.batch_size * 8 == 16 == cfg.auto_scale_lr.base_batch_size
    assert cfg.train_cfg.max_iters == 120 * (20_210 // 16)
    assert cfg.model.decode_head.num_classes == cfg.model.auxiliary_head.num_classes == 150
    assert cfg.model.test_cfg.mode == "whole", "single scale, as benchmark.protocol says"
    assert "single scale, whole image" in cfg.benchmark.protocol
    assert list(cfg.model.data_preprocessor.mean) == [123.68, 116.779, 103.939]
    assert list(cfg.model.data_preprocessor.std) == [58.393, 57.12, 57.375]
    init_default_scope("mmseg")
    pipeline = cfg.val_dataloader.dataset.pipeline
    resize = TRANSFORMS.build(dict(next(s for s in pipeline if s["type"] == "Resize")))
    image = {"img": np.zeros((400, 600, 3), np.uint8), "img_shape": (400, 600)}
    assert resize(image)["img"].shape[:2] == (520, 780)
