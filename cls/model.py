"""The classifier that mmengine's Runner trains: preprocess, mix, run the backbone, compare.

The order in a training step is that of the paper's refinements: smooth the targets, mix images and
targets, then compare the student's answer with the targets and with a teacher's answer.
"""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from torch import Tensor

import backbones
from cls.distillation import Distillation
from cls.draws import Draws
from cls.targets import check_mixup, draw_mixup, mixup, smooth_targets


@MODELS.register_module()
class ImageClassifier(BaseModel):
    """A backbone with its linear head, trained with cross-entropy on soft targets.

    Args:
        backbone: ``dict(name=..., **options)`` for `backbones.build`.
        num_classes: Number of classes.
        label_smoothing: ``dict(eps=0.1, form='paper')``, see `cls.targets`; None is one-hot.
        mixup: ``dict(alpha=0.2, per='batch')``, see `cls.targets`; None is off.
        distillation: ``dict(teacher=dict(checkpoint=...), temperature=20.0, form='paper')``, see
            `cls.distillation`; None is off. `init_weights` loads the teacher, so training needs
            its checkpoint and testing does not.
        channels_last: Keep weights and images in channels-last memory format.
        data_preprocessor: Config of the preprocessor; gets the same `channels_last`.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        num_classes: int,
        label_smoothing: dict[str, Any] | None = None,
        mixup: dict[str, Any] | None = None,
        distillation: dict[str, Any] | None = None,
        channels_last: bool = False,
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        preprocessor = {"type": "ClsPreprocessor", **(data_preprocessor or {})}
        super().__init__(data_preprocessor={**preprocessor, "channels_last": channels_last})
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing or {"eps": 0.0}
        smooth_targets(torch.zeros(1, dtype=torch.long), num_classes, **self.label_smoothing)
        if mixup is not None:
            check_mixup(**mixup)
        self.mixup = mixup
        self.draws = Draws()
        self.distillation = (
            None if distillation is None else Distillation(num_classes=num_classes, **distillation)
        )
        self.channels_last = channels_last
        self.backbone = backbones.build(num_classes=num_classes, **backbone)
        if channels_last:
            self.backbone.to(memory_format=torch.channels_last)

    def init_weights(self) -> None:
        """Run mmengine's initialisation, then load the teacher, if there is one."""
        super().init_weights()
        if self.distillation is not None:
            preprocessor = self.data_preprocessor
            self.distillation.load(preprocessor.mean, preprocessor.std, self.channels_last)

    def forward(
        self,
        inputs: Tensor,
        labels: Tensor | None = None,
        mode: str = "tensor",
    ) -> Tensor | dict[str, Tensor] | list[dict[str, Any]]:
        """Run a prepared batch ``(N, 3, H, W)`` with labels ``(N,)``.

        Args:
            inputs: Normalised images.
            labels: Class indices; needed for the loss and handed on in prediction.
            mode: ``tensor`` (logits), ``loss`` (a dict of losses) or ``predict``.
        """
        if mode == "tensor":
            return self.backbone(inputs)
        assert labels is not None, f"mode {mode!r} needs labels"
        return self.loss(inputs, labels) if mode == "loss" else self.predict(inputs, labels)

    def loss(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Cross-entropy, in float32, of the logits against smoothed and mixed targets.

        With distillation: its two parts, whose sum mmengine minimises.
        """
        targets = smooth_targets(labels, self.num_classes, **self.label_smoothing)
        if self.mixup is not None:
            drawn = draw_mixup(
                count=len(images), device=images.device, draws=self.draws, **self.mixup
            )
            images, targets = mixup(images, targets, *drawn)
        logits = self.backbone(images).float()
        if self.distillation is not None:
            return self.distillation.losses(logits, targets, images)
        return {"loss": F.cross_entropy(logits, targets)}

    def predict(self, images: Tensor, labels: Tensor) -> list[dict[str, Any]]:
        """One ``dict(label, ranked)`` an image: the label, and the best five classes."""
        ranked = self.backbone(images).float().topk(min(5, self.num_classes)).indices.cpu()
        return [
            {"label": label, "ranked": row}
            for label, row in zip(labels.tolist(), ranked, strict=True)
        ]
