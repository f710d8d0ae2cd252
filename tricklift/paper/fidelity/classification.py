"""What a classification config does, point by point; see `readings.py`."""

from pathlib import Path
from typing import Any

from mmengine.registry import MODELS, TRANSFORMS

import cls  # noqa: F401  (registers what is built here)
from tricklift.paper.fidelity.readings import (
    COMMON,
    Reading,
    batch,
    listed,
    network,
    part,
    rate,
    warmup,
)
from tricklift.paper.table_cells import resolved

#: Trick of a teacher -> the word for it.
REFINEMENTS = {"cosine": "cosine", "label_smoothing": "smoothing", "mixup": "mixup"}
#: Form of a trick in the config -> the paper's formula.
SMOOTHED = {"paper": "1-eps, eps/(K-1)", "public": "1-eps+eps/K, eps/K"}
LOSS = {"paper": "CE(p, z) + T^2 CE(r/T, z/T)", "public": "0.5 CE(p, z) + 0.5 T^2 CE(r/T, z/T)"}
#: How often mixup draws its lambda.
DRAWN = {"batch": "a batch", "image": "an image"}


def optimizer(cfg: Any) -> str:
    """The optimiser by the paper's name."""
    settings = cfg.optim_wrapper.optimizer
    kind = "NAG" if settings.type == "SGD" and settings.nesterov else settings.type
    return f"{kind}, momentum {settings.momentum:g}"


def decay_on(cfg: Any) -> str:
    """Which parameters decay."""
    given = dict(cfg.optim_wrapper.get("paramwise_cfg") or {})
    assert given in ({}, {"bias_decay_mult": 0.0, "norm_decay_mult": 0.0}), given
    return "weights of convolutions and the last layer" if given else "all parameters"


def precision(cfg: Any) -> str:
    """What the network computes in."""
    wrapper = cfg.optim_wrapper
    if wrapper.type == "OptimWrapper":
        return "FP32"
    half = wrapper.type == "AmpOptimWrapper" and wrapper.dtype == "float16"
    assert half and wrapper.loss_scale == "dynamic", wrapper
    return "FP16, FP32 master copy, scaled loss"


def last_gamma(cfg: Any) -> int | str:
    """What gamma of each block's last batch norm starts at."""
    held = cfg.model.backbone
    if held.name.startswith("timm/"):
        assert not held.get("zero_gamma")
        return "no residual blocks"
    return 0 if held.get("zero_gamma") else 1


def crop(cfg: Any) -> str:
    """The random crop, as it is built."""
    built = TRANSFORMS.build(dict(part(cfg, "DecodeRandomResizedCrop")))
    low, high = (100 * share for share in built.scale)
    narrow, wide = built.ratio
    return f"area {low:g} to {high:g} %, aspect {narrow:.4g} to {wide:.4g}, to {built.size} px"


def validation(cfg: Any) -> str:
    """Resizing and cropping in validation, as built."""
    built = TRANSFORMS.build(dict(part(cfg, "ResizeCenterCropUint8", "val_dataloader")))
    return f"short side {built.short_side}, centre {built.size}"


def preprocessor(cfg: Any) -> Any:
    """The augmentation on the device, as built: a `cls.preprocessor.ClsPreprocessor`."""
    return MODELS.build(dict(cfg.model.data_preprocessor))


def jitter(cfg: Any) -> str:
    """What the colour jitter scales, and by which factors."""
    held = preprocessor(cfg).jitter
    low, high = 1 - held.strength, 1 + held.strength
    return f"{', '.join(sorted(held.properties))} in [{low:g}, {high:g}]"


def of_trick(key: str, told: Reading) -> Reading:
    """The reading of a trick's settings in the model; `none` without them."""
    return lambda cfg: told(cfg.model[key]) if cfg.model.get(key) else "none"


def teacher(held: Any) -> str:
    """The teacher of a distillation, and the refinements of the config that trains it."""
    trained = resolved(f"cls/full/{Path(held.teacher.checkpoint).stem}")
    words = [word for trick, word in REFINEMENTS.items() if trick in trained.tricks]
    return f"{network(trained.model.backbone.name)}: {', '.join(words)}"


POINTS: dict[str, Reading] = {
    "network": lambda cfg: network(cfg.model.backbone.name),
    **COMMON,
    "classes": lambda cfg: cfg.model.num_classes,
    "images a step": batch,
    "epochs": lambda cfg: cfg.train_cfg.max_epochs,
    "optimizer": optimizer,
    "decay on": decay_on,
    "learning rate": rate,
    "warmup": warmup,
    "precision": precision,
    "initialisation": lambda cfg: {"xavier": "Xavier uniform"}[cfg.model.backbone.init],
    "last gamma of a block": last_gamma,
    "crop": crop,
    "flip": lambda cfg: f"probability {preprocessor(cfg).flip:g}",
    "jitter": jitter,
    "PCA noise": lambda cfg: f"N(0, {preprocessor(cfg).jitter.pca:g})",
    "mean": lambda cfg: listed(preprocessor(cfg).mean.tolist()),
    "deviation": lambda cfg: listed(preprocessor(cfg).std.tolist()),
    "validation": validation,
    "label smoothing": of_trick(
        "label_smoothing", lambda it: f"{it.eps:g}: {SMOOTHED[it.get('form', 'paper')]}"
    ),
    "mixup": of_trick(
        "mixup", lambda it: f"alpha {it.alpha:g}, one lambda {DRAWN[it.get('per', 'batch')]}"
    ),
    "distillation": of_trick(
        "distillation",
        lambda it: f"T {it.get('temperature', 20):g}: {LOSS[it.get('form', 'paper')]}",
    ),
    "teacher": of_trick("distillation", teacher),
}
