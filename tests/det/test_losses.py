"""The losses that the tricks put into the box head, against values worked out by hand."""

import math

import pytest
import torch
from mmcv.ops import sigmoid_focal_loss
from mmdet.models import BBoxHead
from mmdet.registry import MODELS
from mmengine.config import Config
from torch._subclasses.fake_tensor import FakeTensorMode
from waits import Watching

import det  # noqa: F401
from det.iou_aware import IoUAware
from det.losses import RoIFocalLoss
from tricklift.tricks import lay

# Three pairs, (x1, y1, x2, y2). By hand:
#   near:  areas 48 and 56, intersection 7 x 6 = 42, union 62; enclosing 9 x 7 = 63, its diagonal
#          squared 130; centres (4, 3) and (5, 3.5), their distance squared 1.25 = 130 / 104
#   apart: no intersection, union 8; enclosing 6 x 2 = 12, diagonal squared 40; distance squared 16
#   cross: intersection 2 x 2 = 4, union 12; enclosing 4 x 4 = 16, diagonal squared 32; distance
#          squared 2
PREDICTED = torch.tensor([[0.0, 0, 8, 6], [0, 0, 2, 2], [0, 0, 4, 2]])
TRUTH = torch.tensor([[1.0, 0, 9, 7], [4, 0, 6, 2], [0, 0, 2, 4]])
IOU = (42 / 62, 0.0, 4 / 12)
GIOU = (42 / 62 - (63 - 62) / 63, -(12 - 8) / 12, 4 / 12 - (16 - 12) / 16)
DIOU = (42 / 62 - 1 / 104, -16 / 40, 4 / 12 - 2 / 32)
# CIoU takes alpha * v off DIoU: v = 4 / pi^2 (atan(w / h) - atan(w' / h'))^2 and, where the IoU is
# over one half, alpha = v / (1 - IoU + v); else alpha is 0, so only "near" differs.
V = 4 / math.pi**2 * (math.atan(8 / 7) - math.atan(8 / 6)) ** 2
CIOU = (DIOU[0] - V / (1 - IOU[0] + V) * V, DIOU[1], DIOU[2])
WANTED = {
    # -log IoU; mmdet takes an IoU of 0 for 1e-6
    "iou_loss": (-math.log(IOU[0]), -math.log(1e-6), -math.log(IOU[2])),
    "giou_loss": tuple(1 - value for value in GIOU),
    "diou_loss": tuple(1 - value for value in DIOU),
    "ciou_loss": tuple(1 - value for value in CIOU),
}
#: Of mmdet's Faster R-CNN configs; DIoU, which has none there, of its authors' Faster R-CNN.
WEIGHTS = {"iou_loss": 10.0, "giou_loss": 10.0, "diou_loss": 12.0, "ciou_loss": 12.0}


def box_head(repo, head: str, *names: str):
    config = Config.fromfile(repo / f"configs/det/mini/faster_rcnn_{head}.py")
    config.merge_from_dict(lay(config.to_dict(), names))
    return config.model.roi_head.bbox_head


@pytest.mark.parametrize("name", WANTED)
def test_box_losses_by_hand(repo, name):
    settings = box_head(repo, "fpn", name)
    assert settings.reg_decoded_bbox is True
    assert settings.loss_bbox.loss_weight == WEIGHTS[name]
    got = MODELS.build(settings.loss_bbox)(PREDICTED, TRUTH, reduction_override="none")
    assert (got / WEIGHTS[name]).tolist() == pytest.approx(WANTED[name], rel=1e-5)


@pytest.mark.parametrize("name", WANTED)
def test_the_head_compares_decoded_boxes_of_the_right_class(repo, name):
    head = MODELS.build({**box_head(repo, "c4", name), "in_channels": 4, "num_classes": 2})
    rois = torch.tensor([[0.0, 0, 0, 8, 6], [0, 20, 20, 30, 30]])
    bbox_pred = torch.zeros(2, 8, requires_grad=True)  # no offset: the boxes are the RoIs
    losses = head.loss(
        torch.zeros(2, 3),
        bbox_pred,
        rois,
        labels=torch.tensor([1, 2]),
        label_weights=torch.ones(2),
        bbox_targets=torch.stack([TRUTH[0], torch.zeros(4)]),
        bbox_weights=torch.tensor([[1.0] * 4, [0.0] * 4]),
    )
    # the "near" pair, averaged over both RoIs
    assert losses["loss_bbox"].item() == pytest.approx(
        WEIGHTS[name] * WANTED[name][0] / 2, rel=1e-5
    )
    losses["loss_bbox"].backward()
    assert bbox_pred.grad[0, 4:].abs().min() > 0
    assert bbox_pred.grad[0, :4].abs().max() == bbox_pred.grad[1].abs().max() == 0


@pytest.mark.parametrize("name", WANTED)
def test_box_losses_pull_the_box_to_its_truth(repo, name):
    head = MODELS.build({**box_head(repo, "c4", name), "in_channels": 4, "num_classes": 1})
    rois = torch.tensor([[0.0, 0, 0, 8, 6]])
    bbox_pred = torch.zeros(1, 4, requires_grad=True)
    optimizer = torch.optim.Adam([bbox_pred], lr=0.1)
    for _ in range(100):
        loss = head.loss(
            None,
            bbox_pred,
            rois,
            *(torch.tensor([0]), torch.ones(1), TRUTH[:1], torch.ones(1, 4)),
        )["loss_bbox"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    box = head.bbox_coder.decode(rois[:, 1:], bbox_pred.detach())
    assert torch.allclose(box, TRUTH[:1], atol=0.2)


def focal(p: float, is_class: bool) -> float:
    """Equation (5) with gamma 2 and alpha 0.25, of one score."""
    return -0.25 * (1 - p) ** 2 * math.log(p) if is_class else -0.75 * p**2 * math.log(1 - p)


def test_focal_loss_by_hand():
    loss = RoIFocalLoss(prior=0.01)
    # at 0 the score is the prior; a logit that undoes it and adds ln 4 is a score of 0.8
    high = math.log(99) + math.log(4)
    pred = torch.tensor([[0.0, high], [high, 0.0], [0.0, 0.0]])
    target = torch.tensor([1, 1, 2])  # the last is background
    wanted = [focal(0.01, False), focal(0.8, True)]
    wanted += [focal(0.8, False), focal(0.01, True)]
    wanted += [focal(0.01, False), focal(0.01, False)]
    each = loss(pred, target, reduction_override="none")
    assert each.flatten().tolist() == pytest.approx(wanted, rel=1e-4)
    # the sum, by two foreground RoIs; the number that the head gives is passed over
    mean = loss(pred, target, torch.ones(3), avg_factor=3)
    assert mean.item() == pytest.approx(sum(wanted) / 2, rel=1e-4)


def test_focal_loss_is_the_operators():
    torch.manual_seed(0)
    pred = torch.randn(7, 5, requires_grad=True)
    target = torch.tensor([0, 1, 2, 3, 4, 5, 5])
    loss = RoIFocalLoss(prior=0.5)  # no offset: its logit is 0
    (got,) = torch.autograd.grad(loss(pred, target), pred)
    operator = sigmoid_focal_loss(pred, target, 2.0, 0.25, None, "sum") / 5
    (wanted,) = torch.autograd.grad(operator, pred)
    assert loss(pred, target).item() == pytest.approx(operator.item(), rel=1e-5)
    assert torch.allclose(got, wanted, rtol=1e-4, atol=1e-7)


def test_focal_loss_without_foreground_is_finite_and_teaches():
    pred = torch.zeros(4, 3, requires_grad=True)
    loss = RoIFocalLoss()(pred, torch.full((4,), 3), torch.ones(4), avg_factor=4)
    loss.backward()
    assert loss.item() == pytest.approx(12 * focal(0.01, False), rel=1e-3)
    assert (pred.grad > 0).all()


def test_focal_scores_have_a_column_for_the_background():
    scores = RoIFocalLoss(prior=0.01).get_activation(torch.tensor([[0.0, math.log(99 * 4)]]))
    assert scores.tolist()[0] == pytest.approx([0.01, 0.8, 0.2], rel=1e-4)


def test_focal_accuracy_is_of_the_foreground():
    loss = RoIFocalLoss()
    pred = torch.tensor([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
    assert loss.get_accuracy(pred, torch.tensor([0, 1, 2]))["acc"].item() == 50
    assert loss.get_accuracy(pred, torch.tensor([2, 2, 2]))["acc"].item() == 0


@pytest.mark.parametrize("prior", [0, 1, -0.5])
def test_focal_prior_is_checked(prior):
    with pytest.raises(ValueError, match=r"prior is .*; .* set it between 0 and 1"):
        RoIFocalLoss(prior=prior)


@pytest.mark.parametrize("head", ["fpn", "c4"])
def test_focal_in_a_head_keeps_each_class_with_its_box(repo, head):
    """mmdet's NMS takes the last column for the background: no class may stand there."""
    settings = {**box_head(repo, head, "focal_loss"), "in_channels": 4, "num_classes": 3}
    built = MODELS.build(settings)
    assert built.fc_cls.out_features == 3
    # 12 offsets of one RoI 10 pixels wide: class c goes right by 10 c pixels (offsets are in 0.1)
    deltas = torch.zeros(1, 12)
    deltas[0, [0, 4, 8]] = torch.tensor([0.0, 10.0, 20.0])
    cfg = {"score_thr": 0.05, "nms": {"type": "nms", "iou_threshold": 0.5}, "max_per_img": 5}
    (found,) = built.predict_by_feat(
        (torch.tensor([[0.0, 0, 0, 10, 10]]),),
        (torch.tensor([[0.0, 0.0, math.log(99 * 4)]]),),
        (deltas,),
        [{"img_shape": (50, 50)}],
        Config(cfg),
    )
    assert found.labels.tolist() == [2]
    assert found.scores.tolist() == pytest.approx([0.8], rel=1e-4)
    assert found.bboxes.tolist() == [pytest.approx([20, 0, 30, 10], abs=1e-4)]


def test_our_losses_do_not_wait_for_the_gpu(monkeypatch):
    # mmdet's parts, which do wait
    monkeypatch.setattr(BBoxHead, "loss", lambda *args, **kwargs: {})
    monkeypatch.setattr(IoUAware, "iou_targets", lambda self, rois, deltas, truth: rois[:, 0])
    head = MODELS.build(
        dict(type="IoUAwareBBoxHead", with_avg_pool=True, num_classes=3, in_channels=4)
    )
    with FakeTensorMode(), torch.device("cuda"):
        labels, weights = torch.zeros(6, dtype=torch.long), torch.ones(6)
        scores, outputs, rois, boxes = (torch.zeros(6, n) for n in (3, 15, 5, 4))
        with Watching() as seen:
            RoIFocalLoss()(scores, labels, weights, avg_factor=6)
            RoIFocalLoss().get_accuracy(scores, labels)
            head.loss(scores, outputs, rois, labels, weights, boxes, boxes)
    assert seen.waits == []
