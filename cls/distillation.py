"""Distillation: the student also learns the softened answer of a trained teacher.

The order of operations in a step: labels are smoothed, then images and targets are mixed; student
and teacher see the same mixed images; the teacher's answer to them is not mixed again.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cls.teacher import Teacher, load_teacher
from tricklift.errors import UserError

#: Form of the loss -> weights of the label's and the teacher's part.
WEIGHTS = {"paper": (1.0, 1.0), "public": (0.5, 0.5)}


def distillation_losses(
    logits: Tensor, targets: Tensor, teacher_logits: Tensor, temperature: float, form: str
) -> tuple[Tensor, Tensor]:
    """The label's and the teacher's part of the loss; their sum is to be minimised.

    With p the targets, z the student's logits, r the teacher's and T the temperature:
    ``paper`` is CE(p, z) + T^2 CE(r/T, z/T), ``public`` (the authors' code) is half of it:
    0.5 CE(p, z) + 0.5 T^2 CE(r/T, z/T).

    Args:
        logits: ``(N, K)`` in float32.
        targets: Distributions ``(N, K)``.
        teacher_logits: ``(N, K)`` in float32.
        temperature: Above 0.
        form: One of `WEIGHTS`.

    Source: arXiv:1812.01187, section 5.3, equation (6).
    """
    on_label, on_teacher = WEIGHTS[form]
    softened = F.softmax(teacher_logits / temperature, dim=1)
    label = F.cross_entropy(logits, targets)
    teacher = F.cross_entropy(logits / temperature, softened)
    return on_label * label, on_teacher * temperature**2 * teacher


class Distillation:
    """Settings, teacher and loss of a distillation; holds nothing that belongs to the student.

    Args:
        teacher: See `cls.teacher.load_teacher`: ``dict(name=..., checkpoint=...)``.
        num_classes: Of the student.
        temperature: T, 20 in the paper.
        form: ``paper`` or ``public``.

    Raises:
        UserError: A temperature that is not above 0, or an unknown `form`.
    """

    def __init__(
        self,
        teacher: dict[str, Any],
        num_classes: int,
        temperature: float = 20.0,
        form: str = "paper",
    ) -> None:
        if temperature <= 0:
            raise UserError(f"distillation temperature must be above 0, got {temperature}")
        if form not in WEIGHTS:
            raise UserError(f"unknown form {form!r} of distillation; known: {', '.join(WEIGHTS)}")
        self.settings = dict(teacher)
        self.num_classes = num_classes
        self.temperature = temperature
        self.form = form
        self.teacher: Teacher | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "Distillation":
        """A copy of the student (EMA's) shares the teacher."""
        return self

    def load(self, mean: Tensor, std: Tensor, channels_last: bool) -> None:
        """Load the teacher, for a student with this normalisation and memory format.

        Raises: As `cls.teacher.load_teacher`.
        """
        self.teacher = load_teacher(self.settings, self.num_classes, mean, std)
        if channels_last:
            self.teacher.network.to(memory_format=torch.channels_last)

    def losses(self, logits: Tensor, targets: Tensor, images: Tensor) -> dict[str, Tensor]:
        """``dict(loss_label, loss_teacher)`` of a step.

        Args:
            logits: The student's ``(N, K)`` in float32.
            targets: Smoothed and mixed ``(N, K)``.
            images: What the student saw ``(N, 3, H, W)``.
        """
        assert self.teacher is not None, "init_weights() loads the teacher; call it first"
        answer = self.teacher(images)
        label, teacher = distillation_losses(logits, targets, answer, self.temperature, self.form)
        return {"loss_label": label, "loss_teacher": teacher}
