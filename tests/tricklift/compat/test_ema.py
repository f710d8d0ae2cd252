"""The moving average of weights, in one operation, against mmengine's."""

from collections import Counter

import pytest
import torch
from mmengine.model import MomentumAnnealingEMA as Upstream
from mmengine.registry import MODELS
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import tricklift.compat.setup  # noqa: F401


class Calls(TorchDispatchMode):
    """Counts the operations that average."""

    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if "lerp" in func.__name__:
            self.found[func.__name__] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("options", [dict(update_buffers=True), dict(), dict(interval=2)])
def test_the_average_is_mmengines_in_one_operation(options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(2, 2).double())
    settings = dict(model=model, gamma=3, momentum=0.2, **options)
    ours = MODELS.build(dict(type="MomentumAnnealingEMA", **settings))
    theirs = Upstream(**settings)
    assert type(ours) is not Upstream
    for _ in range(20):
        with torch.no_grad():
            for value in model.parameters():
                value += torch.randn_like(value)
        model[:2](torch.randn(2, 3, 8, 8))
        with Calls() as calls:
            ours.update_parameters(model)
        theirs.update_parameters(model)
        assert sum(calls.found.values()) <= 1
        for (name, a), b in zip(
            ours.state_dict().items(), theirs.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7, msg=name)
    assert ours.steps == 20
