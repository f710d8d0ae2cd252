"""The tricks that change the network: se and deformable, laid over a config and trained a step."""

import pytest
import torch
from laid import decaying
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS

import cls  # noqa: F401  (registers the parts)
from backbones.blocks import SqueezeExcite
from backbones.deformable import DeformableConv
from tricklift.tricks import lay


def resolved(repo, *tricks: str, name: str = "resnet18_b") -> Config:
    cfg = Config.fromfile(repo / "configs/cls/mini/resnet18_b-baseline.py")
    cfg.model.backbone.update(name=name, width=0.25)
    cfg.merge_from_dict(lay(cfg.to_dict(), tricks))
    return cfg


def count(model: torch.nn.Module, kind: type) -> int:
    return sum(isinstance(m, kind) for m in model.modules())


@pytest.mark.parametrize("name", ["resnet18_b", "resnext50_32x4d_b"])
def test_se_and_deformable_train_in_half_precision(repo, name: str) -> None:
    torch.manual_seed(0)
    cfg = resolved(repo, "deformable", "se", "resnet_d", "mixed_precision", name=name)
    assert cfg.tricks == ["resnet_d", "se", "deformable", "mixed_precision"]
    assert cfg.model.backbone.name == name[:-1] + "d"
    model = MODELS.build(cfg.model)
    blocks = sum(len(stage) for stage in model.backbone.stages)
    assert count(model, SqueezeExcite) == blocks
    assert count(model, DeformableConv) == (12 if name == "resnet18_b" else blocks - 3)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    offsets = [p for n, p in model.named_parameters() if n.endswith("offset.weight")]
    images = torch.randint(0, 255, (4, 3, 64, 64), dtype=torch.uint8)
    losses = model.train_step({"inputs": images, "labels": torch.arange(4)}, wrapper)
    assert losses["loss"].isfinite()
    assert all(p.any() for p in offsets), "they start at 0 and have moved"


def test_no_bias_decay_knows_their_parameters(repo) -> None:
    cfg = resolved(repo, "deformable", "se", "no_bias_decay")
    model, decayed = decaying(cfg)
    kinds = (torch.nn.Conv2d, torch.nn.Linear)
    modules = {n: m for n, m in model.named_modules() if isinstance(m, kinds)}
    assert decayed == {f"{name}.weight" for name in modules}


def test_se_on_a_family_without_it(repo) -> None:
    for name in ("seresnet18_b", "rednet26"):
        with pytest.raises(ValueError, match=f"unknown option 'se' for backbone '{name}'"):
            MODELS.build(resolved(repo, "se", name=name).model)
