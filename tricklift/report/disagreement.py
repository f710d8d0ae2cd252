"""How far two rows' answers on one image are from each other, from the predictions they left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: From this score on a box is shown where nothing tells a better one; pictures usually have it.
SHOWN = 0.3
#: A box is right from this overlap (IoU) with an object of its class, as VOC has it.
OVERLAP = 0.5
#: Scores that a row's own is chosen from.
SCORES = tuple(round(0.05 * step, 2) for step in range(1, 20))
#: Not counted, in a label map of the truth.
IGNORED = 255
Boxes = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Matched:
    """An image's boxes beside its objects.

    Attributes:
        boxes: Those of at least the score that was asked for, best first.
        right: Of each, whether it is an object's; None where it is an ignored one's.
        missed: Objects that no box is right for.
    """

    boxes: list[Sequence[float]]
    right: list[bool | None]
    missed: list[Sequence[float]]

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), 0 to 1; 1 where nothing is there and nothing is found."""
        hits, wrong = self.right.count(True), self.right.count(False)
        total = 2 * hits + wrong + len(self.missed)
        return 2 * hits / total if total else 1.0


def match(boxes: Boxes, truth: Boxes, least: float = SHOWN) -> Matched:
    """Gives each box, best first, the object of its class that it overlaps most and is still free.

    Args:
        boxes: Each (x1, y1, x2, y2, class, score), best first.
        truth: Each (x1, y1, x2, y2, class, ignored); ignored objects are neither missed nor wrong.
        least: The score from which boxes count.
    """
    shown = [box for box in boxes if box[5] >= least]
    free = [thing for thing in truth if not thing[5]]
    ignored = [thing for thing in truth if thing[5]]
    right: list[bool | None] = []
    for box in shown:
        best = max(free, key=lambda thing: _fit(box, thing), default=None)
        if best is not None and _fit(box, best) >= OVERLAP:
            free.remove(best)
            right.append(True)
        else:
            passes = any(_fit(box, thing) >= OVERLAP for thing in ignored)
            right.append(None if passes else False)
    return Matched(shown, right, free)


def _fit(box: Sequence[float], thing: Sequence[float]) -> float:
    return overlap(box, thing) if box[4] == thing[4] else 0.0


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes (x1, y1, x2, y2, ...)."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)


def of_boxes(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """1 - F1 of one row's boxes with the other's as truth: where the runs knew no objects."""
    things = [[*box[:5], 0] for box in one["boxes"] if box[5] >= SHOWN]
    return 1.0 - match(other["boxes"], things).f1


def f1_of(image: Mapping[str, Any], least: float = SHOWN) -> float:
    """F1 of a row's boxes on one image, whose objects are known."""
    return match(image["boxes"], image["truth"], least).f1


def best_score(images: Iterable[Mapping[str, Any]]) -> float:
    """The score from which a row's boxes have their highest F1 over all images, of `SCORES`.

    Rows are sure of their boxes to different degrees; one score for all would show that alone.
    """
    matched = [match(image["boxes"], image["truth"], SCORES[0]) for image in images]
    things = sum(len(it.missed) + it.right.count(True) for it in matched)
    judged = [
        (box[5], right)
        for it in matched
        for box, right in zip(it.boxes, it.right, strict=True)
        if right is not None
    ]

    def f1(least: float) -> float:
        kept = [right for score, right in judged if score >= least]  # boxes are taken best first
        return 2 * sum(kept) / (len(kept) + things) if kept or things else 0.0

    return max(SCORES, key=lambda least: (f1(least), -abs(least - SHOWN)))


def of_classes(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """1 where one row is right and the other wrong, 0.5 where both err in two ways, else 0."""
    if one["top1"] == other["top1"]:
        return 0.0
    return 1.0 if one["label"] in (one["top1"], other["top1"]) else 0.5


def of_maps(one: Any, other: Any, truth: Any | None) -> float:
    """Share of pixels to which two rows give different classes, 0 to 1; ignored ones left out.

    Args:
        one: Class indices `(H, W)`.
        other: The same.
        truth: The same, or None where it is not known.
    """
    differ = one != other
    if truth is None:
        return float(differ.mean())
    return float(differ[truth != IGNORED].mean()) if (truth != IGNORED).any() else 0.0


def pixel_accuracy(labels: Any, truth: Any) -> float:
    """Share of pixels with the right class, 0 to 1; ignored ones left out."""
    counted = truth != IGNORED
    total = int(counted.sum())
    return float(((labels == truth) & counted).sum()) / total if total else 1.0
