"""`docs/fidelity.md` is complete, as its command writes it, and its marks can be trusted."""

import copy

import pytest

from tricklift.paper.fidelity import page as fidelity
from tricklift.paper.fidelity.classification import POINTS
from tricklift.paper.fidelity.downstream import DETECTION, SEGMENTATION
from tricklift.paper.table_cells import CELLS, TEACHERS


@pytest.fixture(scope="module")
def page() -> str:
    return fidelity.page()


def test_the_committed_page_is_what_the_command_writes(page, repo):
    assert (repo / "docs" / "fidelity.md").read_text(encoding="utf-8") == page, fidelity.COMMAND


def test_every_cell_and_teacher_is_on_the_page(page):
    sections = page.split("\n## ")
    for cell in CELLS:
        section = next(s for s in sections if s.startswith(f"Table {cell.table}:"))
        line = f"| {cell.row}{', ' if cell.setting else ''}{cell.setting} | `{cell.config}` |"
        assert line in section
    for name in TEACHERS:
        assert f"`{name}`" in page


@pytest.mark.parametrize("config", sorted({c.config for c in CELLS} | set(TEACHERS)))
def test_every_point_is_stated_and_read_and_a_difference_has_a_reason(config):
    found = fidelity.points(config)
    table = {"cls": POINTS, "det": DETECTION, "seg": SEGMENTATION}[config[:3]]
    assert [point.name for point in found] == list(table)
    for point in found:
        assert point.does is not None
        assert point.by in ("paper", "code", "mmdet", "PSPNet")
        if point.mark == fidelity.DIFFERS:
            assert point.reason, f"{point.name}: {point.statement}, but {point.does}"


def test_every_reason_is_needed(page):
    for reason in fidelity._data()["reasons"].values():
        assert reason in page


@pytest.mark.parametrize(
    ("point", "key", "value"),
    [
        ("learning rate", "optim_wrapper.optimizer.lr", 0.2),
        ("learning rate", "auto_scale_lr.enable", False),
        ("images a step", "train_dataloader.batch_size", 64),
        ("epochs", "train_cfg.max_epochs", 121),
        ("weight decay", "optim_wrapper.optimizer.weight_decay", 4e-5),
        ("optimizer", "optim_wrapper.optimizer.nesterov", False),
        ("decay on", "optim_wrapper.paramwise_cfg", None),
        ("precision", "optim_wrapper.type", "OptimWrapper"),
        ("network", "model.backbone.name", "resnet50_c"),
        ("last gamma of a block", "model.backbone.zero_gamma", False),
        ("jitter", "model.data_preprocessor.jitter.strength", 0.3),
        ("jitter", "model.data_preprocessor.jitter.form", "public"),
        ("flip", "model.data_preprocessor.flip", 0.4),
        ("mean", "model.data_preprocessor.mean", [0.0, 0.0, 0.0]),
        ("crop", "train_dataloader.dataset.pipeline.0.scale", (0.25, 1.0)),
        ("validation", "val_dataloader.dataset.pipeline.1.short_side", 232),
        ("label smoothing", "model.label_smoothing.form", "public"),
        ("mixup", "model.mixup.per", "image"),
        ("distillation", "model.distillation.form", "public"),
        (
            "teacher",
            "model.distillation.teacher.checkpoint",
            "exports/resnet50_d-mixup.safetensors",
        ),
        ("schedule", "param_scheduler.1.begin", 0),
        ("warmup", "param_scheduler.0.end", 4),
    ],
)
def test_another_config_reads_differently(point, key, value, config_of):
    cfg = copy.deepcopy(config_of("cls/full/resnet50_d-mixup-distill"))
    before = POINTS[point](cfg)
    assert fidelity.statements("cls/full/resnet50_d-mixup-distill")[point][0] == before
    cfg.merge_from_dict({key: value})
    assert POINTS[point](cfg) != before


@pytest.mark.parametrize(
    ("config", "table", "point", "key", "value"),
    [
        ("det/full/faster_rcnn_c4-d-cosine", DETECTION, "NMS of boxes",
         "model.test_cfg.rcnn.nms.iou_threshold", 0.5),
        ("det/full/faster_rcnn_c4-d-cosine", DETECTION, "batch norm",
         "model.backbone.norm_eval", False),
        ("det/full/faster_rcnn_c4-d-cosine", DETECTION, "batch norm",
         "model.backbone.norm_frozen", False),
        ("det/full/faster_rcnn_c4-d-cosine", DETECTION, "frozen stages",
         "model.backbone.frozen_stages", 0),
        ("det/full/faster_rcnn_c4-d-cosine", DETECTION, "evaluation",
         "val_evaluator.eval_mode", "area"),
        ("det/full/faster_rcnn_c4-d-cosine", DETECTION, "smallest box in training",
         "train_dataloader.dataset.datasets.0.filter_cfg", dict(bbox_min_size=32)),
        ("seg/full/fcn-d-cosine", SEGMENTATION, "output stride",
         "model.backbone.output_stride", 16),
        ("seg/full/fcn-d-cosine", SEGMENTATION, "batch norm", "sync_bn", None),
        ("seg/full/fcn-d-cosine", SEGMENTATION, "epochs", "train_cfg.max_iters", 80_000),
    ],
)  # fmt: skip
def test_another_downstream_config_reads_differently(config, table, point, key, value, config_of):
    cfg = copy.deepcopy(config_of(config))
    before = table[point](cfg)
    cfg.merge_from_dict({key: value})
    assert table[point](cfg) != before
