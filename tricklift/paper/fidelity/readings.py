"""What a resolved config does, point by point, in the words of `recipes.json`.

One function a point; each reads the config (or builds the small part that it names, for what the
config leaves to a default) and knows nothing of what the paper says.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.paper.table_cells import GPUS

Reading = Callable[[Any], Any]
NETWORKS = {"timm/inception_v3": "Inception-V3", "timm/mobilenetv1_100": "MobileNet"}
#: Trick of a teacher -> the word for it.
REFINEMENTS = {"cosine": "cosine", "label_smoothing": "smoothing", "mixup": "mixup"}


def network(name: str) -> str:
    """The paper's name of a network."""
    if name in NETWORKS:
        return NETWORKS[name]
    stem, _, variant = name.partition("_")
    ending = "" if variant == "a" else f"-{variant.upper()}"
    return f"ResNet-{stem.removeprefix('resnet')}{ending}"


def listed(values: Any) -> str:
    """`1, 2.5, 8`."""
    return ", ".join(f"{value:g}" for value in values)


def number(value: Any) -> str:
    """A number as text."""
    return f"{value:g}"


def part(cfg: Any, kind: str, loader: str = "train_dataloader") -> Any:
    """The first transform of a kind in a data loader's pipeline."""
    dataset = cfg[loader].dataset
    dataset = dataset.datasets[0] if "datasets" in dataset else dataset
    return next(step for step in dataset.pipeline if step["type"] == kind)


def flip(cfg: Any) -> str:
    """Mirroring in training."""
    return f"probability {part(cfg, 'RandomFlip').prob:g}"


def schedulers(cfg: Any, kind: str) -> list[Any]:
    """The schedulers of a kind."""
    return [entry for entry in cfg.param_scheduler if entry["type"] == kind]


def schedule(cfg: Any) -> str:
    """How the rate falls."""
    for step in schedulers(cfg, "MultiStepLR"):
        assert step.get("gamma", 0.1) == 0.1 and step.get("by_epoch", True)
        return f"a tenth at epochs {listed(step['milestones'])}"
    for step in schedulers(cfg, "CosineAnnealingLR"):
        assert step["eta_min"] == 0 and step["convert_to_iter_based"]
        return f"cosine to 0, epochs {step['begin']} to {step['end']}"
    for step in schedulers(cfg, "PolyLR"):
        assert step["eta_min"] == 0 and (step["begin"], step["end"]) == (0, cfg.max_iters)
        return f"poly, power {step['power']:g}, to 0"
    raise UserError(f"no known schedule in {cfg.param_scheduler}")


def batch(cfg: Any) -> int:
    """Images a step on the paper's 8 GPUs."""
    return int(cfg.train_dataloader.batch_size * GPUS)


def clipping(cfg: Any) -> str:
    """The largest gradient norm."""
    clip = cfg.optim_wrapper.get("clip_grad")
    return f"norm {clip.max_norm:g}" if clip else "none"


def backbone(cfg: Any) -> str:
    """Network and pretraining of a downstream run."""
    held = cfg.model.backbone
    return f"{network(held.name)}: {Path(held.checkpoint).stem}"


def per_image(cfg: Any) -> str:
    """The rate for one image, where the rate follows the batch."""
    assert cfg.auto_scale_lr.enable
    rate = cfg.optim_wrapper.optimizer.lr / cfg.auto_scale_lr.base_batch_size
    return f"{rate:g} an image"


COMMON: dict[str, Reading] = {
    "data set": lambda cfg: cfg.benchmark.dataset,
    "weight decay": lambda cfg: cfg.optim_wrapper.optimizer.weight_decay,
    "schedule": schedule,
}
DOWNSTREAM: dict[str, Reading] = {
    **COMMON,
    "backbone": backbone,
    "mean": lambda cfg: listed(cfg.model.data_preprocessor.mean),
    "deviation": lambda cfg: listed(cfg.model.data_preprocessor.std),
    "momentum": lambda cfg: number(cfg.optim_wrapper.optimizer.momentum),
    "flip": flip,
}
