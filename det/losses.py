"""Losses for the box head that mmdet lacks."""

import math

import torch
from mmdet.models.losses import FocalLoss
from mmdet.registry import MODELS
from torch import Tensor

from tricklift.errors import UserError


@MODELS.register_module()
class RoIFocalLoss(FocalLoss):
    """Sigmoid focal loss as the classification loss of a two-stage box head.

    mmdet's `FocalLoss` alone does not fit one: `BBoxHead` would give it a column for the background
    that it trains as one more class, and would take a softmax of the logits at test. This class
    answers the head's questions: one logit a class and none for the background, a sigmoid at test.

    As in the paper the sum over all RoIs and classes is divided by the number of foreground RoIs
    (by 1 if there are none, so that an image without objects still teaches the background), and
    every score starts at `prior`. The paper starts it in the last layer's bias; here its logit is
    added to what the layer gives, which is the same and needs no other initialisation of the head.

    Deviation from the paper: RoIs are sampled as in Faster R-CNN, not taken all.

    Args:
        prior: Score of each class before training, in (0, 1).
        gamma: Focusing exponent, >= 0.
        alpha: Weight of the foreground, in 0..1; the background weighs ``1 - alpha``.
        loss_weight: Factor of the loss.

    Raises:
        UserError: A prior outside of (0, 1).

    Source: Lin et al., arXiv:1708.02002, equation (5) and section 4.1.
    """

    #: `BBoxHead` asks for these: channels, activation and accuracy are this loss's.
    custom_cls_channels = True
    custom_activation = True
    custom_accuracy = True

    def __init__(
        self,
        prior: float = 0.01,
        gamma: float = 2.0,
        alpha: float = 0.25,
        loss_weight: float = 1.0,
    ) -> None:
        if not 0 < prior < 1:
            raise UserError(
                f"RoIFocalLoss: prior is {prior!r}; it is the score before training, "
                "set it between 0 and 1, e.g. 0.01"
            )
        super().__init__(use_sigmoid=True, gamma=gamma, alpha=alpha, loss_weight=loss_weight)
        self.prior_logit = math.log(prior / (1 - prior))

    def get_cls_channels(self, num_classes: int) -> int:
        """Columns of the head's classifier: one a class."""
        return num_classes

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Scores ``(N, C + 1)`` in 0..1 of logits ``(N, C)``; the last column is the background's.

        The background's is 1 minus the highest of the others: NMS wants the column and passes
        over its values.
        """
        scores = (cls_score.float() + self.prior_logit).sigmoid()
        return torch.cat([scores, 1 - scores.amax(dim=1, keepdim=True)], dim=1)

    def get_accuracy(self, cls_score: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Share of foreground RoIs whose highest logit is their class, in percent; for the log."""
        foreground = labels < cls_score.size(1)
        right = foreground & (cls_score.argmax(dim=1) == labels)
        return {"acc": 100 * right.sum() / foreground.sum().clamp(min=1)}

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """The loss.

        Args:
            pred: Logits, ``(N, C)``; taken in float32.
            target: Classes, ``(N,)``, int64 in 0..C; C is background.
            weight: Of each RoI, ``(N,)``, or None.
            avg_factor: Passed over: see above. (`BBoxHead` gives the number of all RoIs.)
            reduction_override: ``none`` for the loss of each RoI and class, ``(N, C)``.
        """
        foreground = (target < pred.size(1)).sum().clamp(min=1)
        loss: Tensor = super().forward(
            pred.float() + self.prior_logit,
            target,
            weight,
            avg_factor=None if reduction_override in ("none", "sum") else foreground,
            reduction_override=reduction_override,
        )
        return loss
