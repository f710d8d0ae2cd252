"""The loops that are compared train the same network on the same batch."""

from inspect import getclosurevars

import torch

from benchmarks import step


def test_the_runner_goes_on_where_it_was(tmp_path):
    torch.manual_seed(0)
    work = step.runner_loop(2, 32, tmp_path / "run", False, "resnet18_d", steps=2)
    runner = work.__closure__[0].cell_contents
    work()
    assert runner.iter == 2
    work()
    assert runner.iter == 4 and runner.epoch == 2
    before = [parameter.clone() for parameter in runner.model.parameters()]
    work()
    after = list(runner.model.parameters())
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_the_runner_trains_in_bfloat16_and_channels_last(tmp_path):
    work = step.runner_loop(2, 32, tmp_path / "run16", True, "resnet18_d", steps=1)
    work()
    runner = work.__closure__[0].cell_contents
    weight = runner.model.backbone.stages[0][0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert runner.optim_wrapper.cast_dtype is torch.bfloat16


def test_the_bare_loop_trains():
    work = step.bare_loop(2, 32, "resnet18_d", steps=1)
    loss = getclosurevars(work).nonlocals["loss_of"]
    model = getclosurevars(loss).nonlocals["model"]
    before = model.backbone.fc.weight.clone()
    work()
    assert not torch.equal(before, model.backbone.fc.weight)
