import copy

import pytest
import torch
from torch import nn

import backbones
from backbones.freeze import freeze, norms_to_eval


def step(model: nn.Module) -> None:
    """One forward and backward pass in float32."""
    torch.manual_seed(0)
    model(torch.randn(4, 3, 64, 64)).square().sum().backward()


def pair(name: str) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    plain = backbones.build(name, num_classes=3, width=0.25)
    saving = backbones.build(name, num_classes=3, width=0.25, gradient_checkpointing=True)
    saving.load_state_dict(copy.deepcopy(plain.state_dict()))
    return plain, saving


@pytest.mark.parametrize("mode", ["training", "norm_eval", "first stage frozen"])
@pytest.mark.parametrize("name", ["resnet18_d", "resnet50_b"])
def test_gradients_and_statistics_are_those_without(name: str, mode: str) -> None:
    plain, saving = pair(name)
    for model in (plain, saving):
        if mode == "norm_eval":
            norms_to_eval(model)
        if mode == "first stage frozen":
            freeze(model.stem)
            freeze(model.stages[0])
        step(model)
    for (key, a), b in zip(plain.named_parameters(), saving.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None), key
        if a.grad is not None:
            assert a.grad.abs().sum() > 0 or "bias" in key
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-6, atol=1e-6, msg=key)
    for (key, a), b in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert torch.equal(a, b), key
    counted = int(saving.stages[3][0].norm1.num_batches_tracked)
    assert counted == (0 if mode == "norm_eval" else 1)


def test_blocks_run_twice_in_training_and_once_in_evaluation() -> None:
    _, saving = pair("resnet18_d")
    runs = []
    saving.stages[2][1].conv1.register_forward_hook(lambda *_: runs.append(1))
    step(saving)
    assert len(runs) == 2
    runs.clear()
    with torch.no_grad():
        saving.eval()(torch.randn(1, 3, 32, 32))
    assert len(runs) == 1


def test_it_saves_activations() -> None:
    sizes = []
    for model in pair("resnet50_d"):
        kept = 0

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal kept
            kept += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model(torch.randn(2, 3, 64, 64))
        sizes.append(kept)
    assert sizes[1] < 0.7 * sizes[0]
