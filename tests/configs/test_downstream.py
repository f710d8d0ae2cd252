"""Every detection and segmentation config in the tree builds, the full tier without its data."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope

import det  # noqa: F401
import seg  # noqa: F401

FOLDER = Path(__file__).resolve().parents[2] / "configs"
LEAVES = sorted(
    p.relative_to(FOLDER) for task in ("det", "seg") for p in FOLDER.glob(f"{task}/*/*.py")
)
#: The leaves that are more than another one with a backbone; those of the paper's rows, thin leaves
#: on a head's config, are built in tests/tricklift/paper/fidelity.
WHOLE = [path for path in LEAVES if "-" not in path.stem]


@pytest.fixture(params=WHOLE, ids=str)
def whole(request):
    return FOLDER / request.param


@pytest.fixture
def config(whole, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", "/any/data")
    return read(whole)


def read(leaf):
    config = Config.fromfile(leaf)
    init_default_scope(config.default_scope)
    return config


def test_model_and_optimizer_build(config):
    registries = __import__(f"{config.default_scope}.registry", fromlist=["MODELS"])
    model = registries.MODELS.build(config.model)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    for scheduler in config.param_scheduler:
        scheduler = {**scheduler, "optimizer": wrapper}
        if scheduler.pop("convert_to_iter_based", False):
            scheduler = {**scheduler, "by_epoch": False}
        PARAM_SCHEDULERS.build(scheduler)
    held = {id(p) for group in wrapper.param_groups for p in group["params"]}
    assert all(id(p) in held for p in model.parameters() if p.requires_grad)


def test_datasets_metrics_and_hooks_resolve(config):
    registries = __import__(f"{config.default_scope}.registry", fromlist=["DATASETS"])
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        parts = loader.dataset.get("datasets", [loader.dataset])
        for part in parts:
            assert part.data_root.startswith("/any/data/")
            built = registries.DATASETS.build({**part, "lazy_init": True})
            heads = config.model.get("decode_head") or config.model.roi_head.bbox_head
            assert heads.num_classes == len(built.metainfo["classes"])
    registries.METRICS.build(config.val_evaluator)
    for kind, registry in (
        (config.train_cfg.type, registries.LOOPS),
        (config.val_cfg.type, registries.LOOPS),
        (config.visualizer.type, registries.VISUALIZERS),
        (config.optim_wrapper.type, registries.OPTIM_WRAPPERS),
        *((hook.type, registries.HOOKS) for hook in config.default_hooks.values()),
        *((hook.type, registries.HOOKS) for hook in config.custom_hooks),
    ):
        assert registry.get(kind) is not None, kind


def test_voc_hides_no_box_and_is_scored_in_11_points():
    for path in WHOLE:
        if path.parts[0] != "det":
            continue
        config = Config.fromfile(FOLDER / path)
        data = config.train_dataloader.dataset
        for part in data.get("datasets", [data]):
            assert "filter_cfg" not in part, "mmdet's bbox_min_size=32 hides small boxes"
        assert config.val_evaluator.eval_mode == "11points"
