"""Tricks laid over the paper's baseline, in a config object or in a leaf's file."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, PARAM_SCHEDULERS

from tricklift.tricks import lay

FULL = "configs/cls/full/resnet50_b-standard.py"


def resolved(cfg: Config, *names: str) -> Config:
    cfg.merge_from_dict(lay(cfg.to_dict(), names))
    return cfg


def rates(cfg: Config, per_epoch: int, lr: float) -> list[float]:
    """The rate of every iteration, by mmengine's own schedulers on a real optimizer."""
    steps = cfg.train_cfg.get("max_iters") or cfg.train_cfg.max_epochs * per_epoch
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedulers = []
    for item in cfg.param_scheduler:
        item = dict(item)
        kind = PARAM_SCHEDULERS.get(item.pop("type"))
        if item.pop("convert_to_iter_based", False):
            schedulers.append(
                kind.build_iter_from_epoch(optimizer=optimizer, epoch_length=per_epoch, **item)
            )
        else:
            schedulers.append(kind(optimizer=optimizer, **item))
    seen = []
    optimizer.step()  # or the schedulers warn
    for step in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        for scheduler in schedulers:
            if not scheduler.by_epoch or (step + 1) % per_epoch == 0:
                scheduler.step()
    return seen


def leaf_of(repo: Path, folder: Path, above: str, names: str, below: str) -> Path:
    """A leaf over the full baseline with these lines about its `use` line."""
    leaf = folder / "leaf.py"
    line = f"tricks = use({names})"
    head = f"_base_ = [{str(repo / FULL)!r}]\nfrom tricklift.tricks import use\n"
    leaf.write_text(f"{head}{above}\n{line}\n{below}\n")
    return leaf


def decaying(cfg: Config) -> tuple[torch.nn.Module, set[str]]:
    """The model of a config, and the names of its parameters that decay in the built optimizer."""
    model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    named = {id(p): name for name, p in model.named_parameters()}
    return model, {named[id(p)] for g in groups if g["weight_decay"] for p in g["params"]}
