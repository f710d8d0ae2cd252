"""The IoU-aware box head: its target, its loss, its score, and the cases with nothing in them."""

import math

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import ConfigDict

import det  # noqa: F401

CFG = ConfigDict(score_thr=0.05, nms=dict(type="nms", iou_threshold=0.5), max_per_img=10)
KINDS = {
    "IoUAwareBBoxHead": {"with_avg_pool": True},
    "IoUAwareShared2FCBBoxHead": {"fc_out_channels": 6},
}
ROIS = torch.tensor([[0.0, 0, 0, 8, 6], [0, 0, 0, 8, 6], [0, 20, 20, 30, 30]])
TRUTH = torch.tensor([[1.0, 0, 9, 7], [0, 0, 8, 6], [0, 0, 0, 0]])
LABELS = torch.tensor([1, 0, 2])  # of 2 classes, so 2 is background


def build(kind="IoUAwareBBoxHead", **options):
    settings = {"type": kind, "num_classes": 2, "in_channels": 4, "roi_feat_size": 2}
    return MODELS.build({**settings, **KINDS[kind], **options})


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["class-wise", "agnostic"])
def agnostic(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["offsets", "decoded"])
def decoded(request):
    return request.param


def losses_of(head, bbox_pred, rois=ROIS, labels=LABELS, truth=TRUTH):
    """The head's losses; `truth` are boxes in pixels, encoded here where the head wants that."""
    foreground = labels < head.num_classes
    targets = truth.clone()
    if not head.reg_decoded_bbox and foreground.any():
        targets[foreground] = head.bbox_coder.encode(rois[foreground, 1:], truth[foreground])
    return head.loss(
        torch.zeros(len(rois), 3, requires_grad=True),
        bbox_pred,
        rois,
        labels,
        torch.ones(len(rois)),
        targets,
        foreground[:, None].float().expand(-1, 4),
    )


def outputs(agnostic, logits):
    """Second output of a head for `ROIS`; the first RoI's box goes right by 1 pixel of 8.

    An offset is in tenths of the width: 1 / 8 = 1.25 tenths. By hand its box is (1, 0, 9, 6), and
    with the truth (1, 0, 9, 7) the IoU is 48 / 56 = 6 / 7. The second's box is its truth: IoU 1.
    """
    deltas = torch.zeros(3, 1 if agnostic else 2, 4)
    deltas[0, -1, 0] = 1.25  # class 1 of the first, which is also the last of one box
    return torch.cat([deltas.flatten(1), logits], dim=1).requires_grad_()


def test_layers_and_their_start(kind, agnostic):
    head = build(kind, reg_class_agnostic=agnostic)
    boxes = 1 if agnostic else 2
    torch.manual_seed(0)
    head.init_weights()
    assert (head.fc_reg.box.out_features, head.fc_reg.iou.out_features) == (4 * boxes, boxes)
    assert 0 < head.fc_reg.box.weight.std() < 0.01
    _, bbox_pred = head(torch.rand(5, 4, 2, 2))
    deltas, logits = head.split(bbox_pred)
    assert (deltas.shape, logits.shape) == ((5, 4 * boxes), (5, boxes))
    assert (logits.sigmoid() - 0.5).abs().max() < 0.02


def test_target_is_the_iou_of_the_decoded_box(kind, agnostic, decoded):
    head = build(kind, reg_class_agnostic=agnostic, reg_decoded_bbox=decoded)
    seen = []

    def noted(pred, target, weight, **_):
        seen.append((pred[weight > 0], target[weight > 0]))
        return pred.sum()

    head.loss_iou.forward = noted
    logits = torch.tensor([[0.3]] * 3 if agnostic else [[0.1, 0.3]] * 3)
    losses_of(head, outputs(agnostic, logits))
    ((pred, target),) = seen
    assert target.tolist() == pytest.approx([6 / 7, 1.0], rel=1e-5)
    assert pred.tolist() == pytest.approx([0.3, 0.3 if agnostic else 0.1])
    assert not target.requires_grad


def test_loss_by_hand(kind, agnostic, decoded):
    head = build(kind, reg_class_agnostic=agnostic, reg_decoded_bbox=decoded)
    # scores of 3/4 wherever a class is matched; the background's 0.9 must not count
    logits = torch.full((3, 1 if agnostic else 2), math.log(3))
    logits[2] = math.log(9)
    bbox_pred = outputs(agnostic, logits)
    loss = losses_of(head, bbox_pred)["loss_iou"]
    first = -(6 / 7 * math.log(3 / 4) + 1 / 7 * math.log(1 / 4))
    assert loss.item() == pytest.approx((first - math.log(3 / 4)) / 2, rel=1e-5)
    # no gradient into the box, nor into other RoIs and classes; (p - t) / 2 at the two that count
    loss.backward()
    deltas, iou = head.split(bbox_pred.grad)
    assert deltas.abs().max() == 0
    wanted = torch.zeros_like(iou)
    wanted[0, -1], wanted[1, 0] = (3 / 4 - 6 / 7) / 2, (3 / 4 - 1) / 2
    assert torch.allclose(iou, wanted, atol=1e-6)


def test_other_losses_are_the_plain_heads(decoded):
    options = {"reg_decoded_bbox": decoded, "with_avg_pool": True, "num_classes": 2}
    options["loss_bbox"] = {"type": "GIoULoss"} if decoded else {"type": "L1Loss"}
    plain = MODELS.build({"type": "BBoxHead", "in_channels": 4, "roi_feat_size": 2, **options})
    bbox_pred = outputs(False, torch.zeros(3, 2))
    aware = losses_of(build(**options), bbox_pred)
    wanted = losses_of(plain, bbox_pred[:, :8])
    assert aware.keys() == wanted.keys() | {"loss_iou"}
    assert all(torch.equal(aware[key], value) for key, value in wanted.items())


@pytest.mark.parametrize("rois", [0, 3])
def test_no_foreground_gives_zero_with_a_gradient(kind, agnostic, rois):
    head = build(kind, reg_class_agnostic=agnostic)
    bbox_pred = torch.randn(rois, 5 if agnostic else 10, requires_grad=True)
    losses = losses_of(head, bbox_pred, ROIS[:rois], torch.full((rois,), 2), TRUTH[:rois])
    assert losses["loss_iou"].item() == losses["loss_bbox"].item() == 0
    (losses["loss_iou"] + losses["loss_bbox"]).backward()
    assert torch.equal(bbox_pred.grad, torch.zeros_like(bbox_pred))


def test_no_roi_at_all_goes_through_the_layers(agnostic):
    head = build(reg_class_agnostic=agnostic)
    _, bbox_pred = head(torch.zeros(0, 4, 2, 2))
    assert bbox_pred.shape == (0, 5 if agnostic else 10)


def predicted(head, bbox_pred, cls_score, rois=ROIS[:2], cfg=CFG):
    (found,) = head.predict_by_feat(
        (rois,), (cls_score,), (bbox_pred,), [{"img_shape": (40, 40)}], cfg
    )
    return found


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_score_formula(agnostic, alpha):
    head = build(reg_class_agnostic=agnostic, iou_alpha=alpha)
    # softmax scores 0.8, 0.1 and background 0.1; IoUs 0.75 for class 0 and 0.5 for class 1, or 0.75
    cls_score = torch.tensor([[math.log(8), 0.0, 0.0]])
    iou = torch.tensor([[math.log(3)] if agnostic else [math.log(3), 0.0]])
    bbox_pred = torch.cat([torch.zeros(1, 4 if agnostic else 8), iou], dim=1)
    raw = predicted(head, bbox_pred, cls_score, ROIS[:1], cfg=None)
    second = 0.75 if agnostic else 0.5
    wanted = [0.8**alpha * 0.75 ** (1 - alpha), 0.1**alpha * second ** (1 - alpha), 0.1]
    assert raw.scores[0].tolist() == pytest.approx(wanted, rel=1e-5)
    found = predicted(head, bbox_pred, cls_score, ROIS[:1])
    ranked = sorted(zip(wanted[:2], (0, 1), strict=True), reverse=True)
    assert found.scores.tolist() == pytest.approx([score for score, _ in ranked], rel=1e-5)
    assert sorted(found.labels.tolist()) == [0, 1]
    assert found.bboxes.tolist() == [pytest.approx([0, 0, 8, 6])] * 2


def test_nms_keeps_the_box_that_fits_better():
    head = build()
    # class 0: cls 0.6 and 0.5, IoU 0.3 and 0.9; the second box is 0.4 of 8 pixels to the right
    cls_score = torch.tensor([[0.6, 0.01, 0.39], [0.5, 0.01, 0.49]]).log()
    deltas = torch.zeros(2, 8)
    deltas[1, 0] = 0.5
    iou = torch.tensor([[0.3, 0.5], [0.9, 0.5]]).logit()
    found = predicted(head, torch.cat([deltas, iou], dim=1), cls_score)
    best = found[found.labels == 0]
    assert best.scores.tolist() == pytest.approx([math.sqrt(0.5 * 0.9)], rel=1e-5)
    assert best.bboxes.tolist() == [pytest.approx([0.4, 0, 8.4, 6], rel=1e-5)]


def test_alpha_1_is_the_plain_head():
    torch.manual_seed(3)
    head = build(iou_alpha=1)
    plain = MODELS.build(
        {"type": "BBoxHead", "in_channels": 4, "with_avg_pool": True, "num_classes": 2}
    )
    cls_score, bbox_pred = torch.randn(2, 3), torch.randn(2, 10)
    got = predicted(head, bbox_pred, cls_score)
    wanted = predicted(plain, bbox_pred[:, :8].contiguous(), cls_score)
    for key in ("bboxes", "scores", "labels"):
        assert torch.equal(got[key], wanted[key])


def test_prediction_without_rois_has_all_fields(kind):
    head = build(kind)
    none = (ROIS[:0], torch.zeros(0, 3), torch.zeros(0, 10))
    some = (ROIS[:1], torch.zeros(1, 3), torch.zeros(1, 10))
    empty, full = head.predict_by_feat(
        *zip(none, some, strict=True), [{"img_shape": (40, 40)}] * 2, CFG
    )
    assert len(empty) == 0 and empty.bboxes.shape == (0, 4)
    assert set(empty.keys()) == set(full.keys()) == {"bboxes", "scores", "labels"}


@pytest.mark.parametrize("alpha", [-0.1, 1.5])
def test_alpha_is_checked(alpha):
    with pytest.raises(ValueError, match=rf"iou_alpha is {alpha}; set it from 0 .* to 1"):
        build(iou_alpha=alpha)


def test_another_predictor_is_refused():
    with pytest.raises(ValueError, match=r"NormedLinear.*; leave reg_predictor_cfg out"):
        build(reg_predictor_cfg={"type": "NormedLinear"})
