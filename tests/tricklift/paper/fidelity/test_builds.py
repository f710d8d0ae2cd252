"""The whole model of every full-tier row is accepted and built; nothing is computed.

Detectors and segmenters of a head differ in the backbone's name and file alone (see
test_detection and test_segmentation), so one build a head and network stands for its rows.
"""

import copy
import json
from functools import cache
from typing import Any

import pytest
import torch
from mmengine.registry import DATASETS, HOOKS, MODELS, OPTIM_WRAPPERS, init_default_scope

import cls  # noqa: F401


@cache
def build(model: str) -> Any:
    with torch.device("meta"):
        return MODELS.build(json.loads(model))


def test_classifier(row):
    cfg = row.cfg
    built = build(json.dumps(cfg.model))
    assert built.backbone.fc.out_features == row.recipe.classes
    assert (built.distillation is not None) == bool(row.recipe.teacher)
    assert OPTIM_WRAPPERS.get(cfg.optim_wrapper.type)
    assert all(HOOKS.get(hook["type"]) for hook in cfg.custom_hooks)
    for loader, part in (("train_dataloader", "train"), ("val_dataloader", "val")):
        data = cfg[loader].dataset
        assert data.data_root.endswith(f"/{part}")
        assert DATASETS.build({**data, "lazy_init": True}).num_classes == row.recipe.classes


@pytest.mark.parametrize(
    "leaf", ["det/full/faster_rcnn_fpn-d-cosine", "seg/full/pspnet-b-standard"]
)
def test_heads_that_no_other_test_here_builds(leaf, config_of):
    cfg = config_of(leaf)
    __import__(leaf[:3])
    init_default_scope(cfg.default_scope)
    registry = __import__(f"{cfg.default_scope}.registry", fromlist=["MODELS"]).MODELS
    model = registry.build(copy.deepcopy(cfg.model))
    assert model.backbone.checkpoint == cfg.model.backbone.checkpoint
    assert len(model.backbone.net.stages) == 4
