"""Every detection and segmentation config in the tree builds, the full tier without its data."""

import ast
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
HEADS = {"det": ("faster_rcnn_c4", "faster_rcnn_fpn"), "seg": ("fcn", "pspnet")}
#: Rows of Tables 8 and 9: thin leaves on a head's config, see tests/tricklift/paper/fidelity.
ROWS = ("b-standard", *(f"d-{row}" for row in ("efficient", "cosine", "smooth", "distill")))
ROWS += ("d-mixup", "d-mixup-distill")
#: The leaves that are more than another one with a backbone.
WHOLE = [path for path in LEAVES if "-" not in path.stem]
MOST_LINES = 25


@pytest.fixture(params=LEAVES, ids=str)
def leaf(request):
    return FOLDER / request.param


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


def test_leaf_is_short_and_says_what_it_is_for(leaf):
    text = leaf.read_text()
    doc = ast.get_docstring(ast.parse(text)) or ""
    assert len(text.splitlines()) <= MOST_LINES
    command = f"mim train mm{leaf.parts[-3]} configs/{leaf.relative_to(FOLDER)}"
    assert command in doc, "the docstring names the command that runs this very file"
    assert "Expected:" in doc


def test_labels(whole, config):
    task, tier = whole.parts[-3:-1]
    assert (config.benchmark.task, config.benchmark.tier) == (task, tier)
    assert config.benchmark.protocol and config.benchmark.dataset
    assert [hook.type for hook in config.custom_hooks] == ["ResultHook"]
    assert config.custom_imports.imports == [task]
    assert config.model.backbone.checkpoint is None
    wanted = "resnet50_b" if tier == "full" else "resnet18_b"
    assert config.model.backbone.name == wanted


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


def test_all_tiers_heads_and_rows_are_there():
    heads = [(task, head) for task, of_task in HEADS.items() for head in of_task]
    wanted = {f"{task}/{t}/{head}.py" for task, head in heads for t in ("mini", "small", "full")}
    wanted |= {f"{task}/full/{head}-{row}.py" for task, head in heads for row in ROWS}
    assert {str(path) for path in LEAVES} == wanted


def test_voc_hides_no_box_and_is_scored_in_11_points():
    for path in WHOLE:
        if path.parts[0] != "det":
            continue
        config = Config.fromfile(FOLDER / path)
        data = config.train_dataloader.dataset
        for part in data.get("datasets", [data]):
            assert "filter_cfg" not in part, "mmdet's bbox_min_size=32 hides small boxes"
        assert config.val_evaluator.eval_mode == "11points"


def test_the_papers_c4_recipe():
    config = Config.fromfile(FOLDER / "det/full/faster_rcnn_c4.py")
    model = config.model
    assert list(model.rpn_head.anchor_generator.scales) == [2, 4, 8, 16, 32]
    assert list(model.rpn_head.anchor_generator.ratios) == [0.5, 1.0, 2.0]
    assert model.roi_head.bbox_roi_extractor.roi_layer.output_size == 14
    assert model.train_cfg.rcnn.sampler.num == 128
    assert model.test_cfg.rpn.max_per_img == 300
    assert model.test_cfg.rcnn.nms.iou_threshold == 0.3
    assert (model.backbone.frozen_stages, model.backbone.norm_eval) == (1, True)
    assert model.backbone.norm_frozen and "paramwise_cfg" not in config.optim_wrapper
    resize = next(
        t for t in config.train_dataloader.dataset.datasets[0].pipeline if t.type == "Resize"
    )
    assert tuple(resize.scale) == (1000, 600)
    assert config.train_cfg.max_epochs == 20
    assert config.optim_wrapper.optimizer.lr == 1e-3
    assert config.optim_wrapper.optimizer.weight_decay == 5e-4
    assert config.param_scheduler[0].type == "LinearLR"
    assert list(config.param_scheduler[1].milestones) == [14, 20]


@pytest.mark.parametrize("head", ["fcn", "pspnet"])
def test_the_papers_segmentation_recipe(head):
    config = Config.fromfile(FOLDER / f"seg/full/{head}.py")
    model = config.model
    assert model.backbone.output_stride == 8
    assert model.auxiliary_head.loss_decode.loss_weight == 0.5
    assert (model.decode_head.dropout_ratio, model.decode_head.num_classes) == (0.1, 150)
    pipeline = config.train_dataloader.dataset.pipeline
    assert next(t for t in pipeline if t.type == "RandomCrop").crop_size == (480, 480)
    assert next(t for t in pipeline if t.type == "RandomBlur").prob == 0.5
    resize = next(t for t in pipeline if t.type == "RandomResize")
    assert (min(resize.scale), tuple(resize.ratio_range)) == (520, (0.5, 2.0))
    assert config.param_scheduler[0].power == 0.9
    optimizer = config.optim_wrapper.optimizer
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (0.01, 0.9, 1e-4)
    for key in ("decode_head", "auxiliary_head"):
        assert config.optim_wrapper.paramwise_cfg.custom_keys[key].lr_mult == 10
    assert config.auto_scale_lr.base_batch_size == 16
    assert config.sync_bn == "torch"
