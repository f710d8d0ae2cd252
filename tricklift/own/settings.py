"""Sizes, batches and lengths for a set of one's own, from how many images there are and how large.

Rules for a start on a CPU, each said with its reason; every value stands in the written config and
may be changed there.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tricklift.own.report import Report

#: Longest side that the rules choose; larger images cost more than a CPU has.
MOST = {"cls": 128, "det": 320, "seg": 360}
LEAST = {"cls": 64, "det": 128, "seg": 64}
#: Images that a training sees in all, and the epochs that this must not exceed or fall below.
SEEN = {"cls": (300_000, 10, 60), "det": (3_000, 3, 30), "seg": (2_000, 4, 100)}


@dataclass(frozen=True)
class Chosen:
    """What the rules chose.

    Attributes:
        keys: Of the config.
        reasons: One line a choice.
    """

    keys: dict[str, Any]
    reasons: tuple[str, ...]


def choose(found: Report, size: int | None = None, epochs: int | None = None) -> Chosen:
    """Settings for a set.

    Args:
        found: What is known of it.
        size: Short side of the images in pixels (cls: of the square); None: by rule.
        epochs: Length of the training; None: by rule.
    """
    task = found.layout.task
    short, long = sorted(found.train.middle())
    side = size or _within(32 * round(short / 32), LEAST[task], MOST[task])
    length = epochs or _epochs(task, found.train.images)
    told = "given" if size else f"the images' median short side is {short}"
    why_long = "given" if epochs else f"{found.train.images} images for training"
    ratio = long / short if short else 1.0
    make: dict[str, Callable[..., tuple[dict[str, Any], list[str]]]] = {
        "cls": _cls,
        "det": _det,
        "seg": _seg,
    }
    keys, more = make[task](found, side, ratio, length)
    reasons = (f"{side} pixels: {told}", f"{length} epochs: {why_long}", *more)
    return Chosen(keys, reasons)


def _within(value: int, least: int, most: int) -> int:
    return max(least, min(most, value))


def _epochs(task: str, images: int) -> int:
    seen, least, most = SEEN[task]
    return _within(math.ceil(seen / max(1, images)), least, most)


def _batch(images: int, usual: int) -> int:
    """The usual batch, or a power of 2 that gives at least 8 steps an epoch."""
    return _within(2 ** int(math.log2(max(2, images / 8))), 2, usual)


def _loaders(train: dict[str, Any], val: dict[str, Any]) -> dict[str, Any]:
    return {"train_dataloader": train, "val_dataloader": val, "test_dataloader": val}


def _cls(found: Report, side: int, ratio: float, epochs: int) -> tuple[dict[str, Any], list[str]]:
    batch = _batch(found.train.images, 64)
    crop = {"type": "RandomResizedCropUint8", "size": side, "scale": (0.5, 1.0)}
    resize = {"type": "ResizeCenterCropUint8", "short_side": side, "size": side}
    first, last = {"type": "DecodeImage"}, {"type": "PackClassified"}
    classes = len(found.layout.classes)
    milestones = sorted({max(1, round(epochs * part / 15)) for part in (11, 14)})
    return {
        **_loaders(
            {"batch_size": batch, "dataset": {"pipeline": [first, crop, last]}},
            {"dataset": {"pipeline": [first, resize, last]}},
        ),
        "model": {"num_classes": classes},
        "train_cfg": {"max_epochs": epochs, "val_interval": epochs},
        "param_scheduler": [
            {"type": "MultiStepLR", "by_epoch": True, "milestones": milestones, "gamma": 0.1}
        ],
        "optim_wrapper": {"optimizer": {"lr": 0.02 * batch / 64}},
        "auto_scale_lr": {"base_batch_size": batch},
        "benchmark": {"protocol": f"top-1, centre crop {side}"},
    }, [f"batches of {batch}, rate 0.02 for 64 images"]


def _det(found: Report, side: int, ratio: float, epochs: int) -> tuple[dict[str, Any], list[str]]:
    images, batch = found.train.images, _batch(found.train.images, 4)
    resize = {"type": "Resize", "scale": (round(side * ratio), side), "keep_ratio": True}
    load, boxes = {"type": "LoadImageFromFile"}, {"type": "LoadAnnotations", "with_bbox": True}
    flip = {"type": "RandomFlip", "prob": 0.5}
    keys = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
    pack = {"type": "PackDetInputs", "meta_keys": keys}
    # after Resize: boxes stay in image pixels
    test = [load, resize, boxes, pack]
    train = [load, boxes, resize, flip, {"type": "PackDetInputs"}]
    steps = math.ceil(images / batch) * epochs
    warmup = max(1, min(100, steps // 5))
    scales, why = _anchors(found, side)
    cosine = {"type": "CosineAnnealingLR", "T_max": epochs, "end": epochs}
    return {
        **_loaders(
            {"batch_size": batch, "dataset": {"pipeline": train}}, {"dataset": {"pipeline": test}}
        ),
        "model": {
            "rpn_head": {"anchor_generator": {"scales": scales}},
            "roi_head": {"bbox_head": {"num_classes": len(found.layout.classes)}},
        },
        "train_cfg": {"max_epochs": epochs, "val_interval": epochs},
        "param_scheduler": [
            {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "begin": 0, "end": warmup},
            {**cosine, "convert_to_iter_based": True},
        ],
    }, [f"batches of {batch}, warmup over {warmup} of {steps} steps", why]


def _anchors(found: Report, side: int) -> tuple[list[float], str]:
    """Two scales of FPN's anchors; their sides are 4 x scale on the finest map, up to 64 x."""
    sides = sorted(share * side for share in found.train.boxes)
    if len(sides) < 10:
        return [4, 6], "anchor scales 4 and 6: few boxes to go by"
    tenth = statistics.quantiles(sides, n=10)[0]
    scale = round(min(8.0, max(2.0, tenth / 5)) * 2) / 2
    why = f"anchor scales from {scale:g}: 9 of 10 boxes have over {tenth:.0f} pixels a side"
    return [scale, 1.5 * scale], why


def _seg(found: Report, side: int, ratio: float, epochs: int) -> tuple[dict[str, Any], list[str]]:
    images = found.train.images
    batch = _batch(images, 8)
    crop = max(32, min(240, side) // 8 * 8)
    iters = max(2, math.ceil(epochs * images / batch))
    scale = (round(side * ratio), side)
    load, labels = {"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}
    pack = {"type": "PackSegInputs"}
    train = [
        load,
        labels,
        {"type": "RandomResize", "scale": scale, "ratio_range": (0.75, 1.5), "keep_ratio": True},
        {"type": "RandomCrop", "crop_size": (crop, crop)},
        {"type": "RandomFlip", "prob": 0.5},
        pack,
    ]
    # labels after Resize: they stay in image pixels
    test = [load, {"type": "Resize", "scale": scale, "keep_ratio": True}, labels, pack]
    classes = len(found.layout.classes)
    return {
        **_loaders(
            {"batch_size": batch, "dataset": {"pipeline": train}}, {"dataset": {"pipeline": test}}
        ),
        "model": {
            "data_preprocessor": {"size": (crop, crop)},
            "decode_head": {"num_classes": classes},
            "auxiliary_head": {"num_classes": classes},
        },
        "train_cfg": {"max_iters": iters, "val_interval": iters},
        "param_scheduler": [
            {
                **{"type": "PolyLR", "power": 0.9, "eta_min": 0.0},
                **{"begin": 0, "end": iters, "by_epoch": False},
            }
        ],
        "benchmark": {"protocol": f"{classes} classes, single scale, whole image"},
    }, [f"batches of {batch} crops of {crop}, {iters} steps"]
