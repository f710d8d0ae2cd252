"""What a classification config does, point by point; see `readings.py`."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from mmengine.registry import MODELS, TRANSFORMS

import cls  # noqa: F401  (registers what is built here)
from cls.preprocessor import ClsPreprocessor
from tricklift.paper.fidelity.readings import (
    COMMON,
    REFINEMENTS,
    Reading,
    batch,
    listed,
    network,
    part,
    schedulers,
)
from tricklift.paper.table_cells import resolved


def rate(cfg: Any) -> float:
    """The highest rate on 8 GPUs."""
    scaling = cfg.auto_scale_lr
    scale = Fraction(batch(cfg), scaling.base_batch_size) if scaling.enable else 1
    return round(cfg.optim_wrapper.optimizer.lr * float(scale), 12)


def optimizer(cfg: Any) -> str:
    """The optimiser by the paper's name."""
    settings = cfg.optim_wrapper.optimizer
    kind = "NAG" if settings.type == "SGD" and settings.nesterov else settings.type
    return f"{kind}, momentum {settings.momentum:g}"


def decay_on(cfg: Any) -> str:
    """Which parameters decay."""
    given = cfg.optim_wrapper.get("paramwise_cfg") or {}
    if not given:
        return "all parameters"
    assert dict(given) == {"bias_decay_mult": 0.0, "norm_decay_mult": 0.0}, given
    return "weights of convolutions and the last layer"


def warmup(cfg: Any) -> str:
    """How the rate rises at first."""
    for step in schedulers(cfg, "LinearLR"):
        assert step["convert_to_iter_based"] and step["start_factor"] <= 1e-9
        return f"{step['end'] - step['begin']} epochs, each iteration, from 0"
    return "none"


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


def preprocessor(cfg: Any) -> ClsPreprocessor:
    """The augmentation on the device, as built."""
    built = MODELS.build(dict(cfg.model.data_preprocessor))
    assert isinstance(built, ClsPreprocessor) and built.jitter is not None
    return built


def jitter(cfg: Any) -> str:
    """What the colour jitter scales, and by which factors."""
    held: Any = preprocessor(cfg).jitter
    low, high = 1 - held.strength, 1 + held.strength
    return f"{', '.join(sorted(held.properties))} in [{low:g}, {high:g}]"


def pca(cfg: Any) -> str:
    """Noise along the principal colours."""
    held: Any = preprocessor(cfg).jitter
    return f"N(0, {held.pca:g})"


def smoothing(cfg: Any) -> str:
    """Label smoothing and its form."""
    held = cfg.model.get("label_smoothing")
    if not held:
        return "none"
    forms = {"paper": "1-eps, eps/(K-1)", "public": "1-eps+eps/K, eps/K"}
    return f"{held.eps:g}: {forms[held.get('form', 'paper')]}"


def mixup(cfg: Any) -> str:
    """Mixup and how often its lambda is drawn."""
    held = cfg.model.get("mixup")
    if not held:
        return "none"
    each = {"batch": "a batch", "image": "an image"}[held.get("per", "batch")]
    return f"alpha {held.alpha:g}, one lambda {each}"


def distillation(cfg: Any) -> str:
    """The loss of a distillation."""
    held = cfg.model.get("distillation")
    if not held:
        return "none"
    forms = {
        "paper": "CE(p, z) + T^2 CE(r/T, z/T)",
        "public": "0.5 CE(p, z) + 0.5 T^2 CE(r/T, z/T)",
    }
    return f"T {held.get('temperature', 20):g}: {forms[held.get('form', 'paper')]}"


def teacher(cfg: Any) -> str:
    """The teacher, and the refinements of the config that trains it."""
    held = cfg.model.get("distillation")
    if not held:
        return "none"
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
    "PCA noise": pca,
    "mean": lambda cfg: listed(preprocessor(cfg).mean.tolist()),
    "deviation": lambda cfg: listed(preprocessor(cfg).std.tolist()),
    "validation": validation,
    "label smoothing": smoothing,
    "mixup": mixup,
    "distillation": distillation,
    "teacher": teacher,
}
