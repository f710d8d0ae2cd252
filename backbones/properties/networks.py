"""What properties are tried on, and what is raised where one does not hold."""

from typing import Any

import torch
from torch import Tensor, nn

from backbones.registry import OWN, build, info
from tricklift.errors import UserError

STRIDES = (4, 8, 16, 32)
#: Largest relative distance that counts as equal, in float32 and under bfloat16 autocast.
CLOSE, CLOSE_BFLOAT16 = 1e-4, 0.05


class Broken(UserError):
    """A property does not hold."""


class Absent(UserError):
    """A network lacks what it may lack."""


def require(holds: bool, message: str) -> None:
    """Raise `Broken` unless it holds."""
    if not holds:
        raise Broken(message)


def narrow(name: str) -> dict[str, Any]:
    """Options that make a network of ours as small as it gets."""
    entry = info(name)
    return {"width": 0.25} if "width" in entry.options and entry.family != OWN else {}


def pictures(sides: tuple[int, int] = (97, 129)) -> Tensor:
    """Two images of an odd size, ``(2, 3, H, W)``."""
    return torch.randn(2, 3, *sides, generator=torch.Generator().manual_seed(0))


def randomise(network: Any, seed: int = 0) -> Any:
    """Batch-norm statistics, gammas and betas away from 0 and 1; evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            size = module.weight.shape
            with torch.no_grad():
                module.weight.copy_(torch.rand(size, generator=generator) * 0.5 + 0.25)
                module.bias.copy_(torch.randn(size, generator=generator) * 0.2)
                module.running_mean.copy_(torch.randn(size, generator=generator) * 0.2)
                module.running_var.copy_(torch.rand(size, generator=generator) + 0.5)
    return network.eval()


def network(name: str, **options: Any) -> Any:
    """A network with weights that leave no difference hidden, and finite maps."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(name, 10, **narrow(name), **options)
        for module in model.modules():  # Inception's own start lets the maps grow a thousandfold
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in")
    return randomise(model)


def distance(a: Tensor, b: Tensor) -> float:
    """Of `a` from `b`, relative to the size of `b`."""
    return ((a.float() - b).norm() / b.norm()).item()
