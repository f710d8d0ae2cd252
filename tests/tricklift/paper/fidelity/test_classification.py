"""Every classification row: what its resolved config builds, against the paper's recipe."""

import math
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from tricklift.paper.table_cells import CELLS, TEACHERS

GPUS = 8
#: Network -> convolutions, and residual blocks.
LAYERS = {
    "resnet50_a": (53, 16),
    "resnet50_b": (53, 16),
    "resnet50_c": (55, 16),
    "resnet50_d": (55, 16),
    "resnet152_d": (157, 50),
    "timm/inception_v3": (94, 0),
    "timm/mobilenetv1_100": (27, 0),
}


def norms(model: nn.Module) -> dict[str, nn.Module]:
    return {k: m for k, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}


def test_every_row_and_teacher_has_a_recipe(recipe_names):
    ours = {cell.config for cell in CELLS if cell.task == "cls"} | set(TEACHERS)
    ours |= {need for cell in CELLS for need in cell.needs}
    assert ours == recipe_names


def test_batch_epochs_classes_and_loss(row):
    cfg, recipe = row.cfg, row.recipe
    assert cfg.train_dataloader.batch_size * GPUS == recipe.batch
    assert cfg.train_dataloader.drop_last
    assert cfg.train_cfg.max_epochs == recipe.epochs
    assert cfg.train_cfg.type == "EpochBasedTrainLoop"
    model = cfg.model
    assert model.backbone.name == recipe.network
    assert model.num_classes == cfg.train_dataloader.dataset.num_classes == recipe.classes
    assert cfg.val_dataloader.dataset.num_classes == recipe.classes
    smoothing = dict(eps=0.1, form="paper") if recipe.smoothing else None
    assert model.get("label_smoothing") == smoothing
    mixup: Any = model.get("mixup")
    assert (mixup.alpha if mixup else 0.0) == recipe.mixup
    assert not mixup or mixup.get("per", "batch") == "batch"


def test_teacher(row, config_of):
    distillation = row.cfg.model.get("distillation")
    if not row.recipe.teacher:
        assert distillation is None
        return
    assert distillation.get("temperature", 20) == 20
    assert distillation.get("form", "paper") == "paper"
    assert distillation.teacher.checkpoint == f"exports/{row.recipe.teacher}.safetensors"
    teacher: Config = config_of(f"cls/full/{row.recipe.teacher}")
    assert teacher.model.backbone.name == "resnet152_d"
    assert distillation.teacher.get("name", "resnet152_d") == "resnet152_d"
    assert teacher.model.num_classes == row.cfg.model.num_classes
    assert teacher.model.label_smoothing.eps == 0.1
    assert teacher.param_scheduler[-1].type == "CosineAnnealingLR"
    assert (teacher.model.get("mixup") or {}).get("alpha", 0) == row.recipe.mixup
    assert teacher.model.get("distillation") is None


def test_optimizer_and_which_parameters_decay(row):
    model, recipe = row.model, row.recipe
    wrapper = build_optim_wrapper(model, row.cfg.optim_wrapper)
    names = {id(p): name for name, p in model.named_parameters()}
    decay = {
        names[id(p)]: group["weight_decay"]
        for group in wrapper.optimizer.param_groups
        for p in group["params"]
    }
    weights = {n for n, p in model.named_parameters() if p.dim() > 1}
    convs, _ = LAYERS[recipe.network]
    assert len(weights) == convs + 1, "convolutions and the last layer"
    assert len(decay) == len(list(model.parameters())) == convs + 1 + 2 * convs + 1
    still = set() if recipe.bias_decays else set(decay) - weights
    assert {name for name, value in decay.items() if value == 0.0} == still
    assert set(decay.values()) - {0.0} == {1e-4}
    assert type(wrapper.optimizer) is torch.optim.SGD
    for group in wrapper.optimizer.param_groups:
        assert (group["momentum"], group["nesterov"]) == (0.9, True)
        assert group["lr"] == 0.1, "before it is scaled to the batch"


def test_precision(row):
    wrapper = row.cfg.optim_wrapper
    assert wrapper.type == ("AmpOptimWrapper" if row.recipe.half else "OptimWrapper")
    if row.recipe.half:
        assert wrapper.loss_scale == "dynamic"
        assert wrapper.dtype == "float16"
    assert all(p.dtype == torch.float32 for p in row.model.parameters()), "the master copy"


def test_first_gammas(row):
    convs, blocks = LAYERS[row.recipe.network]
    found = norms(row.model)
    assert len(found) == convs
    residual = row.recipe.network.startswith("resnet")
    last = {name for name in found if residual and name.endswith("norm3") and "stages" in name}
    assert len(last) == blocks
    for name, norm in found.items():
        zero = row.recipe.zero_gamma and name in last
        assert bool((norm.weight == (0.0 if zero else 1.0)).all()), name
        assert not norm.bias.any(), name


def test_xavier_uniform(row):
    assert row.cfg.model.backbone.init == "xavier"
    for name, module in row.model.named_modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        weight = module.weight.detach()
        area = weight[0, 0].numel() if weight.dim() > 2 else 1
        bound = math.sqrt(6 / (weight.shape[0] * area + weight.shape[1] * area))
        assert weight.abs().max() <= bound, name
        if weight.numel() > 100_000:
            assert weight.abs().max() > 0.999 * bound, name
            assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02), name
        if module.bias is not None:
            assert not module.bias.any(), name
