"""Every detection row: the detector that its config builds, against the authors' recipe.

Source: the authors' public code (GluonCV) for the C4 detector (arXiv:1812.01187, section 6.1); FPN
is mmdet's.
"""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS, TRANSFORMS
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch import nn

import det  # noqa: F401

ENDINGS = ("b-standard", "d-efficient", "d-cosine", "d-smooth", "d-distill", "d-mixup")
ENDINGS += ("d-mixup-distill",)
DRAWS = 10_000


@pytest.fixture(scope="module", params=["b-standard", "d-cosine"])
def c4(request, config_of):
    init_default_scope("mmdet")
    cfg = config_of(f"det/full/faster_rcnn_c4-{request.param}")
    return cfg, MODELS.build(copy.deepcopy(cfg.model)).train()


@pytest.mark.parametrize("head", ["c4", "fpn"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_differ_in_the_backbone_alone(head, ending, config_of):
    row = config_of(f"det/full/faster_rcnn_{head}-{ending}").to_dict()
    base = config_of(f"det/full/faster_rcnn_{head}").to_dict()
    backbone = row["model"]["backbone"]
    assert backbone.pop("name") == f"resnet50_{ending[0]}"
    assert backbone.pop("checkpoint") == f"exports/resnet50_{ending}.safetensors"
    assert base["model"]["backbone"].pop("checkpoint") is None
    base["model"]["backbone"].pop("name")
    assert row == base


def test_anchors(c4):
    _, model = c4
    generator = model.rpn_head.prior_generator
    assert generator.strides == [(16, 16)]
    wanted = [
        (16 * scale / math.sqrt(ratio), 16 * scale * math.sqrt(ratio))
        for ratio in (0.5, 1, 2)
        for scale in (2, 4, 8, 16, 32)
    ]
    found = generator.base_anchors[0]
    sides = [(x2 - x1, y2 - y1) for x1, y1, x2, y2 in found.tolist()]
    assert np.allclose(sorted(sides), sorted(wanted), atol=1e-4)
    assert found.view(-1, 2, 2).sum(1).abs().max() < 1e-4, "centred"
    assert model.rpn_head.rpn_cls.out_channels == 15


def test_128_rois_of_an_image_train_the_box_head(c4):
    _, model = c4
    truth = torch.tensor([[10.0, 10.0, 200.0, 200.0]])
    gt = InstanceData(bboxes=truth, labels=torch.zeros(1, dtype=torch.long))
    corner = torch.rand(1000, 2) * 300
    boxes = torch.cat([truth + torch.rand(300, 4) * 4, torch.cat([corner, corner + 50], 1)])
    priors = InstanceData(priors=boxes)
    assigned = model.roi_head.bbox_assigner.assign(priors, gt)
    sampled = model.roi_head.bbox_sampler.sample(assigned, priors, gt)
    assert len(sampled.pos_priors) == 32, "a quarter"
    assert len(sampled.pos_priors) + len(sampled.neg_priors) == 128


def test_roi_align_and_layer4_as_box_head(c4):
    _, model = c4
    extractor, head = model.roi_head.bbox_roi_extractor, model.roi_head.shared_head
    assert extractor.roi_layers[0].output_size == (14, 14)
    assert extractor.roi_layers[0].spatial_scale == 1 / 16
    assert len(model.backbone.net.stages) == 3 and head.prefix == "stages.3."
    assert head.checkpoint == model.backbone.checkpoint
    with torch.no_grad():
        assert head(torch.zeros(1, 1024, 14, 14)).shape == (1, 2048, 7, 7)


def test_proposals_and_nms_at_test(c4):
    """The real test path of the RPN, on scores and boxes that overlap little."""
    _, model = c4
    rpn = model.rpn_head
    assert rpn.test_cfg.max_per_img == 300
    torch.manual_seed(0)
    scores = [torch.randn(1, 15, 38, 50)]
    offsets = [torch.randn(1, 60, 38, 50) * 0.1]
    meta = [dict(img_shape=(600, 800), scale_factor=(1.0, 1.0))]
    found = rpn.predict_by_feat(scores, offsets, batch_img_metas=meta, cfg=rpn.test_cfg)[0]
    assert len(found) == 300
    box_test = model.roi_head.test_cfg
    assert (box_test.nms.type, box_test.nms.iou_threshold) == ("nms", 0.3)


def test_nms_of_boxes_cuts_at_0_3(c4):
    """Two boxes at IoU 0.35 become one, two at 0.25 stay."""
    _, model = c4
    head = model.roi_head.bbox_head
    for overlap, left in ((0.35, 1), (0.25, 2)):
        shift = 100 * (1 - overlap) / (1 + overlap)
        rois = torch.tensor([[0.0, 0, 0, 100, 100], [0.0, shift, 0, 100 + shift, 100]])
        scores = torch.full((2, 21), -20.0)
        scores[0, 3], scores[1, 3] = 20.0, 19.0
        meta = dict(img_shape=(600, 800), scale_factor=(1.0, 1.0))
        found = head.predict_by_feat(
            (rois,), (scores,), (torch.zeros(2, 80),), [meta], model.roi_head.test_cfg
        )[0]
        assert len(found) == left


def test_batch_norm_and_frozen_stages(c4):
    cfg, model = c4
    found = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    convs = [m for m in model.backbone.modules() if isinstance(m, nn.Conv2d)]
    convs += [m for m in model.roi_head.shared_head.modules() if isinstance(m, nn.Conv2d)]
    assert len(found) == len(convs) == (53 if "resnet50_b" in str(cfg.model.backbone) else 55)
    assert not any(norm.training for norm in found)
    frozen = {n for n, p in model.named_parameters() if not p.requires_grad}
    early = {
        n
        for n, _ in model.named_parameters()
        if n.startswith(("backbone.net.stem.", "backbone.net.stages.0."))
    }
    assert early and frozen == early | gammas_and_betas(model)


def gammas_and_betas(model: nn.Module) -> set[str]:
    return {
        f"{name}.{kind}"
        for name, part in model.named_modules()
        if isinstance(part, nn.BatchNorm2d)
        for kind in ("weight", "bias")
    }


def test_optimizer(c4):
    """SGD, momentum 0.9, decay 5e-4 on all that trains; no norm moves, in its weights either."""
    cfg, model = c4
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    names = {id(p): n for n, p in model.named_parameters()}
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained.isdisjoint(gammas_and_betas(model))
    seen = set()
    for group in wrapper.optimizer.param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            if name not in trained:
                continue
            seen.add(name)
            assert group["lr"] == 1e-3, name
            assert group["weight_decay"] == 5e-4, name
            assert group["momentum"] == 0.9
    assert seen == trained
    assert len(seen) == 13 + 19 + 10 + 6 + 4  # layers 2, 3, 4; RPN; box head


@pytest.mark.parametrize("head", ["c4", "fpn"])
@pytest.mark.parametrize(
    ("height", "width", "wanted"), [(375, 500, (600, 800)), (200, 500, (400, 1000))]
)
def test_short_side_600_longest_1000(head, height, width, wanted, config_of):
    cfg: Config = config_of(f"det/full/faster_rcnn_{head}-d-cosine")
    train = cfg.train_dataloader.dataset.datasets[0].pipeline
    for pipeline in (train, cfg.val_dataloader.dataset.pipeline):
        resize = TRANSFORMS.build(dict(next(s for s in pipeline if s["type"] == "Resize")))
        item: Any = {"img": np.zeros((height, width, 3), np.uint8), "img_shape": (height, width)}
        item["gt_bboxes"] = HorizontalBoxes(torch.zeros(1, 4))
        assert resize(item)["img"].shape[:2] == wanted


@pytest.mark.parametrize("head", ["c4", "fpn"])
def test_data_batch_and_metric(head, config_of):
    cfg = config_of(f"det/full/faster_rcnn_{head}-d-cosine")
    parts = cfg.train_dataloader.dataset.datasets
    assert [p.ann_file for p in parts] == [
        f"VOC{year}/ImageSets/Main/trainval.txt" for year in (2007, 2012)
    ]
    assert not any(p.get("filter_cfg") for p in parts)
    assert cfg.val_dataloader.dataset.ann_file == "VOC2007/ImageSets/Main/test.txt"
    assert cfg.val_evaluator.eval_mode == "11points"
    assert cfg.train_dataloader.batch_size * 8 == (8 if head == "c4" else 16)
    assert cfg.train_cfg.max_epochs == (20 if head == "c4" else 12)
    assert list(cfg.model.data_preprocessor.mean) == [123.68, 116.779, 103.939]
    assert list(cfg.model.data_preprocessor.std) == [58.393, 57.12, 57.375]


@pytest.mark.parametrize("head", ["c4", "fpn"])
def test_half_of_the_images_are_mirrored_with_their_boxes(head, config_of):
    """10,000 draws of the transform itself; both data sets have the same one."""
    init_default_scope("mmdet")
    parts = config_of(f"det/full/faster_rcnn_{head}-d-cosine").train_dataloader.dataset.datasets
    steps = [[s for s in part.pipeline if s["type"] == "RandomFlip"] for part in parts]
    assert len(steps[0]) == 1 and steps[0] == steps[1]
    flip = TRANSFORMS.build(dict(steps[0][0]))
    image = np.zeros((4, 8, 3), np.uint8)
    image[1, 0] = 255
    np.random.seed(0)
    mirrored = []
    for _ in range(DRAWS):
        boxes = HorizontalBoxes(torch.tensor([[0.0, 1, 1, 2]]))
        item = flip({"img": image, "img_shape": (4, 8), "gt_bboxes": boxes})
        mirrored.append(item["flip"])
        assert item["img"][1, 7 if item["flip"] else 0, 0] == 255, "left and right, never up"
        left = 7.0 if item["flip"] else 0.0
        assert item["gt_bboxes"].tensor.tolist() == [[left, 1, left + 1, 2]]
    assert np.mean(mirrored) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(DRAWS))


def test_fpn_is_mmdets_published_config_but_for_small_boxes(config_of):
    """The extension: model and schedule of mmdet's own VOC0712 config."""
    ours = config_of("det/full/faster_rcnn_fpn-d-cosine")
    theirs = get_config("mmdet::pascal_voc/faster-rcnn_r50_fpn_1x_voc0712.py")
    for part in ("rpn_head", "roi_head", "train_cfg", "test_cfg"):
        assert ours.model[part] == theirs.model[part], part
    assert ours.optim_wrapper == theirs.optim_wrapper
    assert ours.train_cfg.max_epochs == 3 * theirs.train_cfg.max_epochs, "they repeat the data"
    assert (
        ours.param_scheduler[0].milestones == [9] == [3 * theirs.param_scheduler[0].milestones[0]]
    )
    assert ours.auto_scale_lr.base_batch_size == theirs.auto_scale_lr.base_batch_size
    held = ours.model.backbone, theirs.model.backbone
    assert held[0].frozen_stages == held[1].frozen_stages == 1
    assert held[0].norm_eval and held[1].norm_eval
