"""Batches as a network gets them, as small pictures: classes, boxes and masks drawn in.

For `tricklift.report.augmented`, in whose process OpenMMLab is.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tricklift.errors import UserError
from tricklift.report import thumbnails

SIDE = 144
#: A title, and a cell an image.
Column = tuple[str, list[dict[str, str]]]


def _read(path: str) -> Any:
    import cv2

    image = cv2.imread(path)
    if image is None:
        raise UserError(f"{path} is no image that can be read; fetch it again")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _pixels(images: Any, preprocessor: Any) -> Any:
    """A normalised batch as uint8 `(N, H, W, 3)`, RGB where the network gets RGB."""
    import torch

    mean = getattr(preprocessor, "mean", torch.zeros(3)).reshape(-1, 1, 1)
    std = getattr(preprocessor, "std", torch.ones(3)).reshape(-1, 1, 1)
    plain = images.float() * std + mean
    return plain.clamp(0, 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


class Drawn(ABC):
    """What one task's training makes of a batch: columns, each a title and a cell an image."""

    def __init__(self, model: Mapping[str, Any], classes: Sequence[str]) -> None:
        self.model, self.classes = model, classes
        self.count = 0

    @abstractmethod
    def before(self, items: Sequence[Mapping[str, Any]]) -> Column:
        """The files as they are."""

    @abstractmethod
    def after(self, packed: Sequence[Any]) -> Iterator[Column]:
        """A batch as the network gets it, given what the pipeline made."""


class _Classes(Drawn):
    """Classification: the device's part (flip, colours) and mixup are drawn as in a step."""

    def __init__(self, model: Mapping[str, Any], classes: Sequence[str]) -> None:
        from mmengine.registry import MODELS

        super().__init__(model, classes)
        given = {"type": "ClsPreprocessor", **(model.get("data_preprocessor") or {})}
        self.preprocessor = MODELS.build(given)

    def before(self, items: Sequence[Mapping[str, Any]]) -> Column:
        """The files as they are."""
        words = [self.classes[item["gt_label"]] for item in items]
        return "image", [
            _cell(_read(item["img_path"]), word) for item, word in zip(items, words, strict=True)
        ]

    def after(self, packed: Sequence[Any]) -> Iterator[Column]:
        """A batch as the network gets it; with mixup, before that as well."""
        import torch

        self.count += 1
        labels = torch.tensor([int(item["labels"]) for item in packed])
        batch = {"inputs": torch.stack([item["inputs"] for item in packed]), "labels": labels}
        images = self.preprocessor(batch, training=True)["inputs"]
        words = [self.classes[label] for label in labels]
        yield f"augmented, {self.count}", _cells(_pixels(images, self.preprocessor), words)
        if self.model.get("mixup"):
            yield self._mixed(images, labels)

    def _mixed(self, images: Any, labels: Any) -> Column:
        from cls.draws import Draws
        from cls.targets import draw_mixup, mixup, smooth_targets

        smoothing = self.model.get("label_smoothing") or {"eps": 0.0}
        targets = smooth_targets(labels, len(self.classes), **smoothing)
        drawn = draw_mixup(
            count=len(images), device=images.device, draws=Draws(), **self.model["mixup"]
        )
        images, targets = mixup(images, targets, *drawn)
        words = [
            ", ".join(
                f"{100 * share:.0f} % {self.classes[place]}"
                for share, place in zip(*map(list, target.topk(2)), strict=True)
                if share > 0.02
            )
            for target in targets
        ]
        weights = ", ".join(f"{weight:.2f}" for weight in drawn[0].tolist())
        return f"mixup, {self.count} (λ {weights})", _cells(
            _pixels(images, self.preprocessor), words
        )


class _Downstream(Drawn):
    """Detection and segmentation: the pipeline, then what their preprocessor adds (padding)."""

    def __init__(self, model: Mapping[str, Any], classes: Sequence[str]) -> None:
        from mmengine.registry import MODELS

        super().__init__(model, classes)
        self.preprocessor = MODELS.build(dict(model["data_preprocessor"]))
        self.rgb = bool(model["data_preprocessor"].get("bgr_to_rgb"))

    def after(self, packed: Sequence[Any]) -> Iterator[Column]:
        """A batch as the network gets it, its boxes or masks drawn in."""
        self.count += 1
        batch = {key: [item[key] for item in packed] for key in ("inputs", "data_samples")}
        ready = self.preprocessor(batch, training=True)
        pixels = _pixels(ready["inputs"], self.preprocessor)
        pixels = pixels if self.rgb else pixels[..., ::-1]
        cells = [
            self.drawn(image.copy(), sample)
            for image, sample in zip(pixels, ready["data_samples"], strict=True)
        ]
        yield f"augmented, {self.count}", cells

    @abstractmethod
    def drawn(self, image: Any, sample: Any) -> dict[str, str]:
        """One image with what it is trained on."""


class _Boxes(_Downstream):
    def before(self, items: Sequence[Mapping[str, Any]]) -> Column:
        """The files with their boxes."""
        cells = []
        for item in items:
            boxes = [thing["bbox"] for thing in item["instances"] if not thing.get("ignore_flag")]
            cells.append(_boxed(_read(item["img_path"]), boxes))
        return "image", cells

    def drawn(self, image: Any, sample: Any) -> dict[str, str]:
        boxes = sample.gt_instances.bboxes
        return _boxed(image, getattr(boxes, "tensor", boxes).tolist())


class _Masks(_Downstream):
    def before(self, items: Sequence[Mapping[str, Any]]) -> Column:
        """The files; their masks are read by the pipeline."""
        return "image", [_cell(_read(item["img_path"]), "") for item in items]

    def drawn(self, image: Any, sample: Any) -> dict[str, str]:
        import numpy as np

        labels = sample.gt_sem_seg.data[0].numpy()
        colours = np.zeros((256, 3), np.uint8)
        known = thumbnails.colours(len(self.classes))
        colours[: len(known)] = known[:256]
        inside = (labels != 255)[..., None]
        mixed = (image * 0.45 + colours[labels.clip(0, 255)] * 0.55).astype(np.uint8)
        count = len(np.unique(labels[labels != 255]))
        return _cell(np.where(inside, mixed, image), f"{count} classes")


TASKS: Mapping[str, type[Drawn]] = {"cls": _Classes, "det": _Boxes, "seg": _Masks}


def _boxed(image: Any, boxes: Sequence[Sequence[float]]) -> dict[str, str]:
    import cv2
    import numpy as np

    image = np.ascontiguousarray(image)
    width = max(1, round(max(image.shape) / 100))
    for box in boxes:
        x1, y1, x2, y2 = (round(side) for side in box)
        cv2.rectangle(image, (x1, y1), (x2, y2), (0, 0, 0), 2 * width + 1)
        cv2.rectangle(image, (x1, y1), (x2, y2), (90, 200, 255), width)
    return _cell(image, f"{len(boxes)} box{'' if len(boxes) == 1 else 'es'}")


def _cell(pixels: Any, told: str) -> dict[str, str]:
    return {"address": thumbnails.of_pixels(pixels, SIDE), "told": told}


def _cells(images: Any, words: Sequence[str]) -> list[dict[str, str]]:
    return [_cell(image, word) for image, word in zip(images, words, strict=True)]
