"""Gradient checkpointing that leaves batch-norm statistics as they are without it.

`torch.utils.checkpoint` runs a block's forward twice in training; batch norm would then move its
running statistics twice a step. Here the second run does not move them.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@contextmanager
def _statistics_untouched(module: nn.Module) -> Iterator[None]:
    """Let the norms inside `module` work on copies of their statistics for a while.

    Switching the tracking off instead would change what autograd saves, which `checkpoint` refuses.
    """
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    kept = [(norm, name, getattr(norm, name)) for norm in norms for name in STATISTICS]
    for norm, name, value in kept:
        setattr(norm, name, value.clone())
    try:
        yield
    finally:
        for norm, name, value in kept:
            setattr(norm, name, value)


def checkpointed(module: nn.Module, x: Tensor) -> Tensor:
    """Run ``module(x)``, keeping only `x` for the backward pass, which runs the module again.

    Costs about one forward pass more; saves the activations inside the module.
    """
    return checkpoint(
        module,
        x,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), _statistics_untouched(module)),
    )
