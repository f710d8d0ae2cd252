"""The switches for a GPU, from the option on the command line to trained weights, on the CPU."""

import copy

import pytest
import torch

from benchmarks import gpu
from tricklift import config_keys
from tricklift import train as training

SWITCHES = {switch.name: switch for switch in gpu.SWITCHES}
QUICK = {
    "train_dataloader.batch_size": 16,
    "train_dataloader.num_workers": 0,
    "train_dataloader.persistent_workers": False,
    "val_dataloader.num_workers": 0,
    "val_dataloader.persistent_workers": False,
    "train_cfg.max_epochs": 1,
    "model.backbone.width": 0.25,
    "model.channels_last": False,
    "optim_wrapper": {
        "_delete_": True,
        "type": "OptimWrapper",
        "optimizer": {"type": "SGD", "lr": 1e-4},
    },
}


@pytest.fixture(scope="module")
def trained(tiny_root, tmp_path_factory):
    """Trains a classifier on a few pictures; returns its Runner and how the weights moved."""

    def run(line: str):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TRICKLIFT_ROOT", str(tiny_root))
            options = copy.deepcopy(QUICK) | config_keys.parse_options(line.split())
            folder = tmp_path_factory.mktemp("run")
            cfg = training.build_config(
                "cls/mini/resnet18_b-baseline", work_dir=folder, seed=0, options=options
            )
            runner = training.build_runner(cfg)
            start = weights(runner)
            runner.train()
        return runner, weights(runner) - start

    return run


@pytest.fixture(scope="module")
def plain(trained):
    return trained("")[1]


def weights(runner) -> torch.Tensor:
    return torch.cat([weight.detach().clone().flatten() for weight in runner.model.parameters()])


def alike(moved: torch.Tensor, other: torch.Tensor) -> float:
    """Cosine of two updates of all weights: 0 if they have nothing in common."""
    return torch.nn.functional.cosine_similarity(moved, other, dim=0).item()


@pytest.mark.parametrize("name", ["FP16", "bfloat16"])
def test_half_precision(trained, plain, name):
    runner, moved = trained(SWITCHES[name].line())
    half = {"FP16": torch.float16, "bfloat16": torch.bfloat16}[name]
    assert runner.optim_wrapper.cast_dtype is half
    assert runner.optim_wrapper.loss_scaler.is_enabled() is (half is torch.float16)
    assert moved.dtype == torch.float32 and moved.isfinite().all()
    assert not torch.equal(moved, plain)
    assert alike(moved, plain) > 0.5  # float16 leaves out the first steps, which overflow


def test_channels_last(trained, plain):
    runner, moved = trained(SWITCHES["channels-last"].line())
    weight = runner.model.backbone.stages[0][0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert alike(moved, plain) > 0.99


def test_compile(trained, plain):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    _, moved = trained(SWITCHES["torch.compile"].line() + " +compile.backend=aot_eager")
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert alike(moved, plain) > 0.99
    torch._dynamo.reset()


def test_fused_optimizer(trained, plain):
    runner, moved = trained(SWITCHES["fused optimizer"].line())
    assert all(group["fused"] for group in runner.optim_wrapper.param_groups)
    assert alike(moved, plain) > 0.99


@pytest.mark.parametrize("task", ["cls/full/resnet50_d-efficient", "det/full/faster_rcnn_fpn"])
def test_all_switches_together_on_a_full_config(task):
    options = {}
    for switch in gpu.SWITCHES:
        chosen = switch.line(downstream=not task.startswith("cls"))
        options |= config_keys.parse_options(chosen.split())
    cfg = training.build_config(task, options=options)
    assert cfg.optim_wrapper.type == "AmpOptimWrapper"
    assert cfg.optim_wrapper.dtype == "bfloat16"  # the later of the two
    assert cfg.optim_wrapper.optimizer.fused is True
    channels_last = cfg.model if task.startswith("cls") else cfg.model.backbone
    assert channels_last.channels_last is True
    assert ("compile" in cfg) is task.startswith("cls")


def test_the_section_shows_every_switch():
    text = gpu.section()
    for switch in gpu.SWITCHES:
        assert f"### {switch.name}\n" in text
        assert f"--cfg-options {switch.line()}\n" in text
