"""Classification's leaves of small and cifar10, and with AdamW: all parts build, take two steps.

The full tier's leaves have tests in tests/tricklift/paper/fidelity, the other mini ones in
test_train.
"""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS, PARAM_SCHEDULERS

import backbones
import cls  # noqa: F401  (registers the parts)
from backbones.files import save
from tricklift import configs

LEAVES = [
    name
    for name in configs.short_names()
    if name.startswith(("cls/small/", "cls/cifar10/"))
    or (name.startswith("cls/mini/") and name.endswith("-adamw"))
]


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> str:
    """A folder with the teachers that the leaves name, untrained."""
    folder = tmp_path_factory.mktemp("exports")
    torch.manual_seed(0)
    for file, name, classes in (
        ("resnet34_d-smooth", "resnet34_d", 10),
        ("resnet18_d_wide-smooth", "resnet18_d", 100),
    ):
        state = backbones.build(name, num_classes=classes).state_dict()
        metadata = {"architecture": name, "options": json.dumps({}), "num_classes": str(classes)}
        save(folder / f"{file}.safetensors", state, metadata)
    return str(folder)


@pytest.fixture(params=LEAVES)
def cfg(request, exports, monkeypatch) -> Config:
    monkeypatch.setenv("TRICKLIFT_EXPORTS", exports)
    monkeypatch.setenv("TRICKLIFT_ROOT", "/any/data")
    return Config.fromfile(configs.find_config(request.param))


def test_data_metric_and_hooks_build(cfg):
    for loader, part in ((cfg.train_dataloader, "train"), (cfg.val_dataloader, "val")):
        data = DATASETS.build({**loader.dataset, "lazy_init": True})
        assert data.data_root.startswith("/any/data/") and data.data_root.endswith(f"/{part}")
        assert data.num_classes == cfg.model.num_classes
    METRICS.build(cfg.val_evaluator)
    for hook in (*cfg.default_hooks.values(), *cfg.custom_hooks):
        HOOKS.build(hook)


def test_model_optimizer_and_schedule_build_and_train(cfg):
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    schedulers = [
        PARAM_SCHEDULERS.build({**scheduler, "optimizer": wrapper, "epoch_length": 100})
        for scheduler in cfg.param_scheduler
    ]
    ends = [next(model.backbone.parameters()), model.backbone.fc.weight]
    before = [weight.detach().clone() for weight in ends]
    size = cfg.train_dataloader.dataset.pipeline[1].size
    images = torch.randint(0, 255, (4, 3, size, size), dtype=torch.uint8)
    for _ in range(2):  # a warmup begins at a rate of 0
        losses = model.train_step({"inputs": images, "labels": torch.arange(4)}, wrapper)
        for scheduler in schedulers:
            scheduler.step()
    wanted = {"loss_label", "loss_teacher"} if "distillation" in cfg.tricks else {"loss"}
    assert wanted <= set(losses) and all(losses[key].isfinite() for key in wanted)
    assert not any(torch.equal(*pair) for pair in zip(before, ends, strict=True))
