"""The OpenMMLab wrapper, built from the registries that mmdet and mmseg look into."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import Runner
from safetensors.torch import load_file
from torch import nn

import backbones
from backbones.wrapper import TrickBackbone, TrickStage

SMALL: dict[str, Any] = {"name": "resnet18_d", "width": 0.25}


@pytest.mark.parametrize("library", ["mmdet", "mmseg"])
@pytest.mark.parametrize("kind", [TrickBackbone, TrickStage])
def test_it_is_found_from_the_registries_of_mmdet_and_mmseg(library: str, kind: type) -> None:
    registry = importlib.import_module(f"{library}.registry").MODELS
    assert registry.scope == library
    assert isinstance(registry.build({"type": kind.__name__, **SMALL}), kind)


def test_features_are_those_of_the_network(exported, images) -> None:
    path = exported(**SMALL)
    model = MODELS.build({"type": "TrickBackbone", "checkpoint": str(path), **SMALL})
    model.init_weights()
    model.eval()
    plain = backbones.build("resnet18_d", 5, width=0.25)
    plain.load_state_dict(load_file(path))
    plain.eval()
    with torch.no_grad():
        for a, b in zip(model(images), plain.forward_features(images), strict=True):
            assert torch.equal(a, b)
    assert model.feature_info == plain.feature_info
    assert not [key for key in model.state_dict() if "fc" in key]


def test_out_indices_choose_and_later_stages_are_dropped(images, exported) -> None:
    model = TrickBackbone(out_indices=(0, 2), checkpoint=str(exported(**SMALL)), **SMALL)
    model.init_weights()  # the file's last stage is checked, and not needed
    assert [f.shape[1] for f in model(images)] == [16, 64]
    assert len(model.net.stages) == 3
    loss = sum(f.sum() for f in model(images))
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())  # or DDP would wait for them


@pytest.mark.parametrize("indices", [(), (0, 4), (-1,)])
def test_out_indices_that_do_not_exist(indices: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="out_indices must be stages from 0 to 3 of resnet18_d"):
        TrickBackbone(out_indices=indices, **SMALL)


def test_output_stride_and_channels_last(images) -> None:
    torch.manual_seed(0)
    model = TrickBackbone(output_stride=8, **SMALL).eval()
    torch.manual_seed(0)
    last = TrickBackbone(output_stride=8, channels_last=True, **SMALL).eval()
    with torch.no_grad():
        for a, b in zip(model(images), last(images), strict=True):
            assert b.is_contiguous(memory_format=torch.channels_last)
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert model(images)[-1].shape[2:] == (13, 9)  # 97 and 65 pixels over 8, rounded up


def test_channels_last_survives_loading(exported) -> None:
    path = str(exported(**SMALL))
    model = TrickBackbone(channels_last=True, checkpoint=path, **SMALL)
    model.init_weights()
    weight = model.net.stages[1][0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("norm_eval", [True, False])
def test_frozen_stages_and_norm_eval_hold_after_every_switch(norm_eval: bool, images) -> None:
    model = TrickBackbone(frozen_stages=1, norm_eval=norm_eval, **SMALL)
    model.eval()
    model.train()
    frozen = [*model.net.stem.parameters(), *model.net.stages[0].parameters()]
    assert frozen
    assert not any(p.requires_grad for p in frozen)
    assert all(p.requires_grad for p in model.net.stages[1:].parameters())
    before = {k: v.clone() for k, v in model.named_buffers()}
    sum(f.sum() for f in model(images)).backward()
    moved = {k for k, v in model.named_buffers() if not torch.equal(v, before[k])}
    may_move = {k for k in before if k.startswith(tuple(f"net.stages.{i}" for i in (1, 2, 3)))}
    assert moved == (set() if norm_eval else may_move)


def test_frozen_gammas_hold_after_every_switch() -> None:
    parts = TrickBackbone(norm_frozen=True, **SMALL), TrickStage(norm_frozen=True, **SMALL)
    for part in parts:
        part.requires_grad_(True)
        part.eval()
        part.train()
        for module in part.modules():
            weight = getattr(module, "weight", None)
            if weight is not None:
                assert weight.requires_grad != isinstance(module, nn.BatchNorm2d)


def test_too_many_frozen_stages() -> None:
    with pytest.raises(
        ValueError, match=r"frozen_stages must be from -1 \(none\) to 4 \(all\); got 5"
    ):
        TrickBackbone(frozen_stages=5, **SMALL)


def test_a_second_init_does_not_undo_training(exported) -> None:
    model = TrickBackbone(checkpoint=str(exported(**SMALL)), **SMALL)
    model.init_weights()
    nn.init.zeros_(model.net.stem.conv1.weight)
    model.init_weights()
    assert not model.net.stem.conv1.weight.any()


def test_one_stage_with_its_pretrained_weights(exported) -> None:
    path = exported(**SMALL)
    stage = TrickStage(stage=3, checkpoint=str(path), norm_eval=True, **SMALL)
    stage.init_weights()
    state = load_file(path)
    for key, value in stage.stage.state_dict().items():
        assert torch.equal(value, state[f"stages.3.{key}"]), key
    assert (stage.in_channels, stage.out_channels) == (64, 128)
    assert stage(torch.randn(2, 64, 14, 14)).shape == (2, 128, 7, 7)
    assert not any(m.training for m in stage.modules() if isinstance(m, nn.BatchNorm2d))
    assert all(p.requires_grad for p in stage.parameters())
    frozen = TrickStage(frozen=True, output_stride=16, **SMALL).train()
    assert not any(p.requires_grad for p in frozen.parameters())
    assert frozen(torch.randn(2, 64, 14, 14)).shape == (2, 128, 14, 14)
    with pytest.raises(ValueError, match="stage must be from 1 to 3 of resnet18_d; got 0"):
        TrickStage(stage=0, **SMALL)


@pytest.mark.parametrize("kind", [TrickBackbone, TrickStage])
def test_wrong_weights_are_an_error_when_they_are_loaded(kind: type, exported) -> None:
    path = exported("resnet18_b", width=0.25)
    model = kind(checkpoint=str(path), **SMALL)  # testing needs no weights: building is no error
    with pytest.raises(
        ValueError, match=r"it holds 'resnet18_b'; keys missing from it \(\d+\): stem"
    ):
        model.init_weights()
    model = kind(checkpoint="gone.safetensors", **SMALL)
    with pytest.raises(FileNotFoundError, match=r"no pretrained weights at gone\.safetensors"):
        model.init_weights()


@pytest.mark.parametrize("kind", [TrickBackbone, TrickStage])
def test_mmengines_lenient_loading_is_refused(kind: type) -> None:
    init_cfg = {"type": "Pretrained", "checkpoint": "x.pth"}
    with pytest.raises(ValueError, match="set checkpoint=FILE instead, which checks every key"):
        kind(init_cfg=init_cfg, **SMALL)


def test_init_cfg_still_initialises() -> None:
    model = TrickBackbone(init_cfg={"type": "Constant", "layer": "Conv2d", "val": 0.5}, **SMALL)
    model.init_weights()
    assert torch.all(model.net.stages[3][1].conv2.weight == 0.5)


class Detector(BaseModel):
    """The smallest model that mmengine's Runner takes."""

    def __init__(self, backbone: dict) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.head = nn.Conv2d(128, 1, 1)
        self.steps = 0

    def forward(self, inputs: torch.Tensor, mode: str = "tensor") -> Any:
        self.steps += 1
        loss = self.head(self.backbone(inputs)[-1]).square().mean()
        return {"loss": loss} if mode == "loss" else [loss]


def runner(work_dir: Path, checkpoint: str | None) -> Runner:
    loader = {
        "dataset": [{"inputs": torch.randn(3, 64, 64)} for _ in range(4)],
        "batch_size": 2,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "default_collate"},
    }
    return Runner(
        Detector({"type": "TrickBackbone", "checkpoint": checkpoint, **SMALL}),
        str(work_dir),
        train_dataloader=loader,
        train_cfg={"by_epoch": True, "max_epochs": 1},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.01}},
        test_dataloader=loader,
        test_cfg={},
        test_evaluator={"type": "DumpResults", "out_file_path": str(work_dir / "out.pkl")},
        experiment_name=f"{work_dir.name}-{checkpoint is None}",
    )


def test_training_checks_the_weights_before_its_first_step(exported, tmp_path: Path) -> None:
    wrong = runner(tmp_path / "wrong", str(exported("resnet18_b", width=0.25)))
    with pytest.raises(ValueError, match="does not fit the backbone 'resnet18_d'"):
        wrong.train()
    assert wrong.model.steps == 0
    right = runner(tmp_path / "right", str(exported(**SMALL)))
    right.train()
    assert right.model.steps == 2
    # A trained model is tested where its pretrained weights are not at hand.
    test = runner(tmp_path / "test", "gone.safetensors")
    written = torch.load(tmp_path / "right" / "epoch_1.pth", weights_only=False)
    test.model.load_state_dict(written["state_dict"])
    test.test()
    for key, value in right.model.state_dict().items():
        assert torch.equal(test.model.state_dict()[key], value), key
