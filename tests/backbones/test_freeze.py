import pytest
import torch
from torch import nn

import backbones
from backbones.freeze import freeze, freeze_gammas, norms_to_eval


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return backbones.build("resnet18_d", num_classes=3, width=0.25)


def train_step(model: nn.Module) -> None:
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model(torch.randn(4, 3, 64, 64)).square().mean().backward()
    optimiser.step()


@pytest.mark.parametrize("count", [-1, 0, 1, 4])
def test_frozen_stages_do_not_move_and_the_others_do(model: nn.Module, count: int) -> None:
    for module in model.frozen_parts(count):
        freeze(module)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    train_step(model)
    moved = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    frozen = [*(["stem."] if count >= 0 else []), *(f"stages.{i}." for i in range(count))]
    still = {k for k in before if k.startswith(tuple(frozen))} if frozen else set()
    assert moved == set(before) - still
    assert len(model.frozen_parts(count)) == count + 1


def test_norm_eval_keeps_statistics_and_trains_gammas(model: nn.Module) -> None:
    norms_to_eval(model)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    train_step(model)
    after = model.state_dict()
    for key, value in before.items():
        statistic = "running" in key or "num_batches" in key
        assert torch.equal(value, after[key]) == statistic, key


@pytest.mark.parametrize("name", ["resnet18_d", "timm/mobilenetv1_100"])  # stem.norm1, bn1
def test_frozen_gammas_go_by_type(name: str) -> None:
    torch.manual_seed(0)
    model = backbones.build(name, num_classes=3)
    freeze_gammas(model)
    gammas = {
        f"{at}.{key}"
        for at, part in model.named_modules()
        if isinstance(part, nn.BatchNorm2d)
        for key in ("weight", "bias")
    }
    assert len(gammas) >= 40
    before = {k: v.detach().clone() for k, v in model.named_parameters()}
    train_step(model)
    still = {k for k, v in model.named_parameters() if torch.equal(v, before[k])}
    assert still == gammas
    assert all(part.training for part in model.modules()), "statistics are another matter"


@pytest.mark.parametrize("count", [-2, 5])
def test_a_stage_that_does_not_exist(model: nn.Module, count: int) -> None:
    with pytest.raises(ValueError, match=rf"from -1 \(none\) to 4 \(all\); got {count}"):
        model.frozen_parts(count)
