"""`AmpOptimWrapper` on a CPU: bfloat16 autocast, no scaling; float16 with a GPU's scaling."""

import sys
from importlib import import_module

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

import tricklift.compat.setup  # noqa: F401
from tricklift.compat import amp
from tricklift.compat.amp import AmpOptimWrapper


@pytest.fixture
def model() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def build(model: nn.Module, **options: object) -> AmpOptimWrapper:
    """Build as a config does."""
    optimizer = dict(type="SGD", lr=0.1)
    return build_optim_wrapper(model, dict(type="AmpOptimWrapper", optimizer=optimizer, **options))


def test_it_is_what_the_registry_gives():
    assert OPTIM_WRAPPERS.get("AmpOptimWrapper") is AmpOptimWrapper
    assert AmpOptimWrapper.__mro__[1].__module__ == amp.HOMES[-1]  # mmengine's own below it


def test_it_is_what_a_lazy_config_gives(model):
    """A new-style config names the class by its place of definition."""
    optimizer = dict(type=torch.optim.SGD, lr=0.1)
    for home in amp.HOMES:
        kind = import_module(home).AmpOptimWrapper
        built = build_optim_wrapper(model, dict(type=kind, optimizer=optimizer))
        assert built.cast_dtype == torch.bfloat16


@pytest.mark.parametrize("loss_scale", ["dynamic", 512.0, 512, dict(init_scale=512.0)])
@pytest.mark.parametrize("dtype", [None, "bfloat16", torch.bfloat16])
def test_trains_in_bfloat16(model, loss_scale, dtype):
    wrapper = build(model, loss_scale=loss_scale, dtype=dtype, clip_grad=dict(max_norm=1e9))
    x = torch.randn(4, 3)
    with wrapper.optim_context(model):
        out = model(x)
    assert out.dtype == torch.bfloat16
    loss = out.float().square().sum()
    before = model.weight.detach().clone()
    grad = torch.autograd.grad(loss, model.weight, retain_graph=True)[0]
    wrapper.update_params(loss)
    # plain SGD on the true gradient: nothing was scaled
    torch.testing.assert_close(model.weight.detach(), before - 0.1 * grad)
    assert model.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("loss_scale", "start", "after"), [("dynamic", 2.0**16, 2.0**15), (512.0, 512.0, 512.0)]
)
def test_float16_is_scaled_and_skips_a_step_that_overflows(model, loss_scale, start, after):
    wrapper = build(model, loss_scale=loss_scale, dtype="float16")
    assert wrapper.loss_scaler.get_scale() == start
    with wrapper.optim_context(model):
        out = model(torch.randn(4, 3))
    assert out.dtype == torch.float16
    loss = out.float().square().mean()
    before = model.weight.detach().clone()
    grad = torch.autograd.grad(loss, model.weight, retain_graph=True)[0]
    wrapper.update_params(loss)
    # unscaled again before the step; 2**-10 is float16's precision
    torch.testing.assert_close(model.weight.detach(), before - 0.1 * grad, rtol=0, atol=2e-3)
    assert not torch.equal(model.weight, before)

    before = model.weight.detach().clone()
    wrapper.update_params((model.weight * float("inf")).sum())
    assert torch.equal(model.weight, before)
    assert wrapper.loss_scaler.get_scale() == after
    assert "loss_scaler" in wrapper.state_dict()
    assert wrapper.skipped_steps == 1
    resumed = build(model, loss_scale=loss_scale, dtype="float16")
    resumed.load_state_dict(wrapper.state_dict())
    assert resumed.skipped_steps == 1


def test_nothing_is_skipped_where_nothing_is_scaled(model):
    assert build(model).skipped_steps is None


def test_accumulates_gradients(model):
    wrapper = build(model, accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 4)
    before = model.weight.detach().clone()
    for step in range(2):
        assert torch.equal(model.weight.detach(), before), step
        with wrapper.optim_context(model):
            loss = model(torch.ones(1, 3)).sum()
        wrapper.update_params(loss)
    assert not torch.equal(model.weight.detach(), before)


def test_state_goes_to_and_fro(model):
    """An empty scaler is not saved (a GPU's would refuse it); a GPU's is accepted and ignored."""
    wrapper = build(model)
    wrapper.update_params(model(torch.ones(1, 3)).sum())
    state = wrapper.state_dict()
    assert "loss_scaler" not in state
    build(model).load_state_dict(state)
    scaler = dict(scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000)
    build(model).load_state_dict(dict(state, loss_scaler=dict(scaler, _growth_tracker=3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(dtype="float64"), "mixed precision on a CPU is bfloat16 .* got dtype='float64'"),
        (dict(loss_scale="static"), "loss_scale is 'dynamic', a number or a dict, got 'static'"),
        (dict(loss_scale=True), "loss_scale is 'dynamic', a number or a dict, got True"),
        (dict(use_fsdp=True), "use_fsdp needs GPUs"),
    ],
)
def test_what_a_cpu_cannot_do(model, options, message):
    with pytest.raises(ValueError, match=message):
        AmpOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1), **options)


@pytest.mark.parametrize("device", ["mps", "dipu"])
def test_a_device_without_mixed_precision(model, device, monkeypatch):
    monkeypatch.setattr("mmengine.device.get_device", lambda: device)
    with pytest.raises(
        ValueError, match=rf"on cuda, npu, mlu, musa, not on '{device}'; .*type='OptimWrapper'"
    ):
        build(model)


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Let mmengine think that there is one; its scaler notices that there is none, and warns."""
    monkeypatch.setattr("mmengine.device.get_device", lambda: "cuda")
    monkeypatch.setattr(sys.modules[amp.HOMES[-1]], "is_cuda_available", lambda: True)


@pytest.mark.filterwarnings("ignore")
def test_a_whole_number_scales_on_a_gpu_too(model, as_on_a_gpu):
    assert build(model, loss_scale=512)._scale_update_param == 512.0
    with pytest.raises(TypeError, match="loss_scale must be of type float, dict"):
        build(model, loss_scale=True)
