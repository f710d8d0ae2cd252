"""What a resolved config does, point by point, in the words of `recipes.json`.

One function a point; each reads the config (or builds the small part that it names, for what the
config leaves to a default) and knows nothing of what the paper says.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.paper.table_cells import GPUS, NETWORKS

Reading = Callable[[Any], Any]


def network(name: str) -> str:
    """The paper's name of a network."""
    for theirs, ours, _ in NETWORKS:
        if ours == name:
            return theirs
    stem, _, variant = name.partition("_")
    return f"ResNet-{stem.removeprefix('resnet')}-{variant.upper()}"


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
    raise UserError(f"no known schedule in {cfg.param_scheduler}; add how to read it")


def warmup(cfg: Any) -> str:
    """How the rate rises at first."""
    for step in schedulers(cfg, "LinearLR"):
        if not step["by_epoch"]:
            return f"linear, {step['end']} iterations from {step['start_factor']:.3g} of the rate"
        assert step["convert_to_iter_based"] and step["start_factor"] <= 1e-9
        return f"{step['end'] - step['begin']} epochs, each iteration, from 0"
    return "none"


def batch(cfg: Any) -> int:
    """Images a step on the paper's 8 GPUs."""
    return int(cfg.train_dataloader.batch_size * GPUS)


def rate(cfg: Any) -> float:
    """The highest rate on 8 GPUs."""
    scaling = cfg.auto_scale_lr
    scale = Fraction(batch(cfg), scaling.base_batch_size) if scaling.enable else 1
    return round(cfg.optim_wrapper.optimizer.lr * float(scale), 12)


COMMON: dict[str, Reading] = {
    "data set": lambda cfg: cfg.benchmark.dataset,
    "weight decay": lambda cfg: cfg.optim_wrapper.optimizer.weight_decay,
    "schedule": schedule,
}
DOWNSTREAM: dict[str, Reading] = {
    **COMMON,
    "backbone": lambda cfg: (
        f"{network(cfg.model.backbone.name)}: {Path(cfg.model.backbone.checkpoint).stem}"
    ),
    "mean": lambda cfg: listed(cfg.model.data_preprocessor.mean),
    "deviation": lambda cfg: listed(cfg.model.data_preprocessor.std),
    "momentum": lambda cfg: number(cfg.optim_wrapper.optimizer.momentum),
    "flip": lambda cfg: f"probability {part(cfg, 'RandomFlip').prob:g}",
}
