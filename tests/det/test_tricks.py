"""Each trick of detection on both detectors: it trains, predicts, and is refused elsewhere."""

import itertools
import math

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

import det  # noqa: F401
from tricklift.tricks import lay

LOSSES = ("iou_loss", "giou_loss", "diou_loss", "ciou_loss")
TRICKS = (*LOSSES, "focal_loss", "iou_aware")
TOGETHER = ("ciou_loss", "focal_loss", "iou_aware")
STEPS = 4


def detector(repo, head, *names, **bbox_head):
    """A mini detector a quarter as wide, with the tricks."""
    init_default_scope("mmdet")
    config = Config.fromfile(repo / f"configs/det/mini/faster_rcnn_{head}.py")
    config.merge_from_dict(lay(config.to_dict(), names))
    config.model.backbone.width = 0.25
    config.model.roi_head.bbox_head.update(bbox_head)
    if head == "fpn":
        config.model.roi_head.bbox_head.fc_out_channels = 64
    torch.manual_seed(1)
    model = MODELS.build(config.model)
    model.init_weights()
    return model


def batch(model, boxes=((8.0, 8, 40, 40), (30.0, 20, 60, 56)), training=True):
    """One image of 64 pixels, noise with flat patches where the boxes are."""
    pixels = torch.randint(0, 255, (3, 64, 64), generator=torch.Generator().manual_seed(0))
    for shade, (x1, y1, x2, y2) in enumerate(boxes):
        pixels[:, int(y1) : int(y2), int(x1) : int(x2)] = 60 + 120 * shade
    meta = dict(img_shape=(64, 64), ori_shape=(64, 64), scale_factor=(1.0, 1.0), img_id=0)
    truth = InstanceData(
        bboxes=torch.tensor(boxes).reshape(len(boxes), 4), labels=torch.arange(len(boxes))
    )
    sample = DetDataSample(metainfo=meta, gt_instances=truth, ignored_instances=truth[:0])
    raw = {"inputs": [pixels.byte()], "data_samples": [sample]}
    return model.data_preprocessor(raw, training)


def steps(model, data, count=STEPS):
    """The losses by name of each of some steps."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    seen = []
    for _ in range(count):
        total, named = model.parse_losses(model(**data, mode="loss"))
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 35)
        optimizer.step()
        seen.append({name: value.item() for name, value in named.items()})
    return seen


def learns(seen):
    """All losses are finite and that of the classes falls (the others depend on the sampling)."""
    finite = all(math.isfinite(value) for step in seen for value in step.values())
    return finite and min(step["loss_cls"] for step in seen[1:]) < seen[0]["loss_cls"]


@pytest.mark.parametrize("head", ["fpn", "c4"])
@pytest.mark.parametrize("names", [(name,) for name in TRICKS] + [TOGETHER], ids="+".join)
def test_trains_and_predicts(repo, head, names):
    model = detector(repo, head, *names).train()
    seen = steps(model, batch(model))
    assert learns(seen)
    assert ("loss_iou" in seen[0]) == ("iou_aware" in names)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    # a low threshold, so that so young a detector finds something
    model.eval().roi_head.test_cfg.score_thr = 1e-3
    with torch.no_grad():
        (found,) = model(**batch(model, training=False), mode="predict")
    assert len(found.pred_instances) > 0
    scores, boxes = found.pred_instances.scores, found.pred_instances.bboxes
    assert scores.min() >= 0 and scores.max() <= 1
    assert boxes.shape == (len(scores), 4) and boxes.min() >= 0 and boxes.max() <= 64
    assert found.pred_instances.labels.max() < 12


def test_mixed_precision_and_one_box_for_all_classes(repo):
    model = detector(repo, "fpn", *TOGETHER, reg_class_agnostic=True).train()
    with torch.autocast("cpu", torch.bfloat16):
        assert learns(steps(model, batch(model)))


@pytest.mark.parametrize("head", ["fpn", "c4"])
def test_an_image_without_objects(repo, head):
    model = detector(repo, head, *TOGETHER).train()
    for losses in steps(model, batch(model, boxes=()), count=2):
        assert all(math.isfinite(value) for value in losses.values())
        assert losses["loss_iou"] == losses["loss_bbox"] == 0 < losses["loss_cls"]


def test_an_image_without_proposals(repo):
    model = detector(repo, "fpn", *TOGETHER).eval()
    model.rpn_head.test_cfg.min_bbox_size = 1000  # larger than the image: none is left
    with torch.no_grad():
        (found,) = model(**batch(model, training=False), mode="predict")
    assert len(found.pred_instances) == 0


def test_one_line_in_a_leaf(repo, tmp_path):
    leaf = tmp_path / "leaf.py"
    leaf.write_text(
        f"_base_ = ['{repo}/configs/det/mini/faster_rcnn_fpn.py']\n"
        "from tricklift.tricks import use\n"
        "tricks = use('giou_loss', 'iou_aware')\n"
    )
    config = Config.fromfile(leaf)
    head = config.model.roi_head.bbox_head
    assert (head.type, head.loss_bbox.type) == ("IoUAwareShared2FCBBoxHead", "GIoULoss")
    assert (head.num_classes, head.fc_out_channels) == (12, 512), "the rest stays"
    assert config.tricks == ["giou_loss", "iou_aware"]
    assert "tasks" not in config


def test_settings_of_the_replaced_loss_go(repo):
    config = Config.fromfile(repo / "configs/det/mini/faster_rcnn_fpn.py")
    config.model.roi_head.bbox_head.loss_bbox = dict(type="SmoothL1Loss", beta=0.5)
    config.merge_from_dict(lay(config.to_dict(), ["diou_loss", "focal_loss"]))
    head = config.model.roi_head.bbox_head
    assert head.loss_bbox == dict(type="DIoULoss", loss_weight=12.0)
    assert "use_sigmoid" not in head.loss_cls


PAIRS = list(itertools.combinations(LOSSES, 2))


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_box_losses_are_refused(repo, first, second):
    base = Config.fromfile(repo / "configs/det/mini/faster_rcnn_fpn.py").to_dict()
    named = sorted((first, second), key=LOSSES.index)
    with pytest.raises(
        ValueError, match=f"'{named[0]}' and '{named[1]}' cannot be combined: both set .*loss_bbox"
    ):
        lay(base, [first, second])


@pytest.mark.parametrize("leaf", ["cls/mini/resnet18_b-baseline.py", "seg/mini/fcn.py"])
@pytest.mark.parametrize("name", TRICKS)
def test_other_tasks_are_refused(repo, leaf, name):
    base = Config.fromfile(repo / "configs" / leaf).to_dict()
    kind = "classification" if leaf.startswith("cls") else "segmentation"
    with pytest.raises(ValueError, match=f"trick '{name}' is for detection .*{kind}; leave it out"):
        lay(base, [name])


def test_an_unknown_head_is_refused(repo):
    config = Config.fromfile(repo / "configs/det/mini/faster_rcnn_fpn.py")
    config.model.roi_head.bbox_head.type = "DoubleConvFCBBoxHead"
    with pytest.raises(ValueError, match=r"knows the box heads .*, not DoubleConvFCBBoxHead; "):
        lay(config.to_dict(), ["iou_aware"])
