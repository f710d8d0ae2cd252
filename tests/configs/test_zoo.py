"""One word changes the network: every family in the configs of all three tasks, and its page.

Classification trains a real step; detection and segmentation are built and run on the meta device,
where shapes are checked and nothing is computed.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope

import cls  # noqa: F401
import det  # noqa: F401
import seg  # noqa: F401
from families import HEAVY, parameters, representatives

INCEPTION = "timm/inception_v3"


def resolved(repo: Path, leaf: str, name: str) -> Config:
    config = Config.fromfile(repo / "configs" / f"{leaf}.py")
    config.model.backbone.name = name
    init_default_scope(config.get("default_scope", "mmengine"))
    return config


@pytest.mark.parametrize("name", parameters())
def test_a_training_step_of_classification(repo: Path, name: str) -> None:
    torch.manual_seed(0)
    own = "inception_v3-baseline" if name == INCEPTION else "resnet18_b-baseline"
    config = resolved(repo, f"cls/mini/{own}", name)
    size = config.train_dataloader.dataset.pipeline[1].size
    assert size == (96 if name == INCEPTION else 64)
    model = MODELS.build(config.model)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    before = model.backbone.fc.weight.clone()
    images = torch.randint(0, 255, (4, 3, size, size), dtype=torch.uint8)
    losses = model.train_step({"inputs": images, "labels": torch.arange(4)}, wrapper)
    assert losses["loss"].isfinite()
    assert not torch.equal(model.backbone.fc.weight, before)


def on_meta(config: Config) -> Any:
    scope = config.get("default_scope", "mmengine")
    registries = __import__(f"{scope}.registry", fromlist=["MODELS"])
    with torch.device("meta"):
        return registries.MODELS.build(config.model).eval()


@pytest.mark.parametrize("name", representatives())
def test_faster_rcnn_with_fpn(repo: Path, name: str) -> None:
    model = on_meta(resolved(repo, "det/mini/faster_rcnn_fpn", name))
    maps = model.extract_feat(torch.empty(1, 3, 192, 160, device="meta"))
    assert [m.shape[1] for m in maps] == [128] * 5
    if name != INCEPTION:  # it has no padding at its border
        assert [tuple(m.shape[2:]) for m in maps[:4]] == [(48, 40), (24, 20), (12, 10), (6, 5)]


@pytest.mark.parametrize("name", representatives())
def test_faster_rcnn_with_a_c4_head_or_the_reason_why_not(repo: Path, name: str) -> None:
    config = resolved(repo, "det/mini/faster_rcnn_c4", name)
    if name in (*HEAVY, INCEPTION):
        with pytest.raises(ValueError, match=f"{name} .*be a box head"):
            on_meta(config)
        return
    head = on_meta(config).roi_head
    pooled = torch.empty(3, head.shared_head.in_channels, 8, 8, device="meta")
    scores, boxes = head.bbox_head(head.shared_head(pooled))
    assert (scores.shape[0], boxes.shape[0]) == (3, 3)


@pytest.mark.parametrize(
    ("name", "head"),
    [*((name, "fcn") for name in representatives()), ("hardnet39ds", "pspnet")],
)
def test_segmentation_at_output_stride_8_or_the_reason_why_not(
    repo: Path, name: str, head: str
) -> None:
    config = resolved(repo, f"seg/mini/{head}", name)
    assert config.model.backbone.output_stride == 8
    if name == INCEPTION:
        with pytest.raises(ValueError, match="has no output stride 8"):
            on_meta(config)
        config.model.backbone.output_stride = 32
    model = on_meta(config)
    maps = model.extract_feat(torch.empty(2, 3, 96, 128, device="meta"))
    logits = model.decode_head(maps)
    if name != INCEPTION:
        assert logits.shape[2:] == (12, 16)
    assert logits.shape[:2] == (2, model.decode_head.num_classes)


@pytest.mark.parametrize("task", ["cls", "det", "seg"])
def test_the_leaf_in_the_docs_builds(repo: Path, task: str, tmp_path: Path) -> None:
    page = (repo / "docs" / "backbones.md").read_text()
    (leaf,) = re.findall(rf"```python\n(_base_ = .\"configs/{task}/.*?)```", page, re.DOTALL)
    (tmp_path / "configs").symlink_to(repo / "configs")
    (tmp_path / "leaf.py").write_text(leaf)
    config = Config.fromfile(tmp_path / "leaf.py")
    init_default_scope(config.get("default_scope", "mmengine"))
    model = on_meta(config)
    assert model.backbone.feature_info.channels == (256, 512, 1024, 2048)
