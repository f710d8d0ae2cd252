"""Box heads that also predict how well each of their boxes fits, and rank boxes by it."""

from collections.abc import Mapping
from typing import Any

import torch
from mmdet.models import BBoxHead, Shared2FCBBoxHead
from mmdet.models.layers import multiclass_nms
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_overlaps
from mmengine.structures import InstanceData
from torch import Tensor, nn

from tricklift.errors import UserError

BOX = 4  # numbers in a box


@MODELS.register_module()
class BoxAndIoU(nn.Module):
    """A linear layer for boxes and, on the same features, one for the IoU of each box.

    Args:
        in_features: Features of a RoI.
        out_features: Box numbers, 4 for each box.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.box = nn.Linear(in_features, out_features)
        self.iou = nn.Linear(in_features, out_features // BOX)

    def forward(self, features: Tensor) -> Tensor:
        """``(N, in_features)`` to ``(N, 5 B)``: 4 B box numbers, then B logits of IoUs."""
        return torch.cat([self.box(features), self.iou(features)], dim=1)


class IoUAware:
    """What makes an IoU-aware head of any `BBoxHead`: put it before that class.

    One more output, parallel to the box regression, predicts the IoU of each predicted box with
    the ground truth that its RoI is matched to: one for each class where each class has a box of
    its own, else one. It is trained with binary cross-entropy, averaged over the foreground RoIs;
    since the target is a soft one, this loss ends at the target's entropy and not at 0. The target
    is taken from the decoded box, and no gradient flows into it. At test

        score = cls^iou_alpha * iou^(1 - iou_alpha)

    stands in the place of the class score everywhere: in the threshold, NMS and ranking.

    The head's second output, ``bbox_pred``, carries the logits of the IoUs behind the box numbers,
    so that mmdet's `StandardRoIHead` serves as it is.

    Deviations from the source: it has a one-stage detector, in which the branch is a convolution
    on the map and every anchor over IoU 0.5 is foreground; here the branch is a linear layer on a
    RoI's features and the foreground is sampled as in Faster R-CNN. The boxes of training are not
    cut at the image's border, those of test are.

    Args:
        *args: Of the box head.
        iou_alpha: Weight of the class score against the IoU, in 0..1; 1 ignores the IoU.
        loss_iou: mmdet loss of logits and targets ``(P,)``.
        **kwargs: Of the box head.

    Raises:
        UserError: An `iou_alpha` outside of 0..1, or a predictor of boxes that is not ours.

    Source: Wu, Li, Wang: "IoU-aware Single-stage Object Detector for Accurate Localization",
    arXiv:1912.05992, sections 3.1 to 3.3.
    """

    def __init__(
        self,
        *args: Any,
        iou_alpha: float = 0.5,
        loss_iou: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not 0 <= iou_alpha <= 1:
            raise UserError(
                f"{type(self).__name__}: iou_alpha is {iou_alpha!r}; "
                "set it from 0 (the IoU alone) to 1 (the class score alone)"
            )
        if kwargs.get("reg_predictor_cfg", {}).get("type", "Linear") not in ("Linear", "BoxAndIoU"):
            raise UserError(
                f"{type(self).__name__}: reg_predictor_cfg is {kwargs['reg_predictor_cfg']!r}, but "
                "this head brings its own, linear one (BoxAndIoU); leave reg_predictor_cfg out"
            )
        super().__init__(*args, **{**kwargs, "reg_predictor_cfg": {"type": "BoxAndIoU"}})
        self.iou_alpha = iou_alpha
        self.loss_iou = MODELS.build(
            loss_iou or {"type": "CrossEntropyLoss", "use_sigmoid": True, "loss_weight": 1.0}
        )

    def split(self: Any, bbox_pred: Tensor) -> tuple[Tensor, Tensor]:
        """The head's second output as box numbers ``(N, 4 B)`` and logits of IoUs ``(N, B)``."""
        boxes = bbox_pred.size(1) // (BOX + 1)
        # contiguous, since mmdet takes views of the box numbers
        return bbox_pred[:, : BOX * boxes].contiguous(), bbox_pred[:, BOX * boxes :]

    def loss(
        self: Any,
        cls_score: Tensor,
        bbox_pred: Tensor,
        rois: Tensor,
        labels: Tensor,
        label_weights: Tensor,
        bbox_targets: Tensor,
        bbox_weights: Tensor,
        reduction_override: str | None = None,
    ) -> dict[str, Tensor]:
        """The head's own losses and ``loss_iou``; arguments as in `BBoxHead.loss`."""
        deltas, logits = self.split(bbox_pred)
        found: dict[str, Tensor] = super().loss(  # type: ignore[misc]
            cls_score,
            deltas,
            rois,
            labels,
            label_weights,
            bbox_targets,
            bbox_weights,
            reduction_override=reduction_override,
        )
        # All RoIs are computed and the foreground's counted: to pick it out waits for the GPU.
        foreground = (labels >= 0) & (labels < self.num_classes)
        count = logits.size(1)
        column = labels.clamp(0, count - 1).unsqueeze(1)
        boxes = deltas.view(-1, count, BOX)
        chosen = boxes.take_along_dim(column.unsqueeze(2), dim=1).squeeze(1)
        found["loss_iou"] = self.loss_iou(
            logits.take_along_dim(column, dim=1).squeeze(1).float(),
            self.iou_targets(rois[:, 1:], chosen, bbox_targets),
            foreground.float(),
            avg_factor=None if reduction_override else foreground.sum().clamp(min=1),
            reduction_override=reduction_override,
        )
        return found

    @torch.no_grad()
    def iou_targets(self: Any, rois: Tensor, deltas: Tensor, bbox_targets: Tensor) -> Tensor:
        """IoU of predicted boxes with their ground truth, without gradient.

        Args:
            rois: ``(P, 4)``, corners in pixels.
            deltas: ``(P, 4)``, what the head predicts for the RoI's class.
            bbox_targets: ``(P, 4)``, corners in pixels with ``reg_decoded_bbox``, else encoded.

        Returns:
            ``(P,)``, float32 in 0..1.
        """
        predicted = self.bbox_coder.decode(rois, deltas.float())
        truth = bbox_targets
        if not self.reg_decoded_bbox:
            truth = self.bbox_coder.decode(rois, bbox_targets.float())
        ious: Tensor = bbox_overlaps(predicted, truth, is_aligned=True)
        return ious.clamp(0, 1)

    def _predict_by_feat_single(
        self: Any,
        roi: Tensor,
        cls_score: Tensor,
        bbox_pred: Tensor,
        img_meta: dict[str, Any],
        rescale: bool = False,
        rcnn_test_cfg: Any = None,
    ) -> InstanceData:
        """Boxes of one image as `BBoxHead` gives them, but scored as the class says."""
        deltas, logits = self.split(bbox_pred)
        if not len(roi):
            return super()._predict_by_feat_single(  # type: ignore[misc]
                roi, cls_score, deltas, img_meta, rescale, rcnn_test_cfg
            )
        # without a test_cfg mmdet gives boxes and class scores as they are before NMS
        raw = super()._predict_by_feat_single(  # type: ignore[misc]
            roi, cls_score, deltas, img_meta, rescale, None
        )
        raw.scores = self.scores(raw.scores, logits)
        if rcnn_test_cfg is None:
            return raw
        found, labels = multiclass_nms(
            raw.bboxes,
            raw.scores,
            rcnn_test_cfg.score_thr,
            rcnn_test_cfg.nms,
            rcnn_test_cfg.max_per_img,
            box_dim=BOX,
        )
        return InstanceData(bboxes=found[:, :BOX], scores=found[:, BOX], labels=labels)

    def scores(self: Any, cls: Tensor, iou_logits: Tensor) -> Tensor:
        """Class scores with the IoU in them.

        Args:
            cls: ``(N, C + 1)`` in 0..1; the last column, the background, stays as it is.
            iou_logits: ``(N, C)``, or ``(N, 1)`` where the classes share one box.
        """
        iou = iou_logits.float().sigmoid()
        combined = cls[:, :-1] ** self.iou_alpha * iou ** (1 - self.iou_alpha)
        return torch.cat([combined, cls[:, -1:]], dim=1)


@MODELS.register_module()
class IoUAwareBBoxHead(IoUAware, BBoxHead):
    """`IoUAware` for the C4 detector's head: a linear layer on the pooled last stage."""


@MODELS.register_module()
class IoUAwareShared2FCBBoxHead(IoUAware, Shared2FCBBoxHead):
    """`IoUAware` for the FPN detector's head: two shared linear layers before it."""
