"""`--launcher pytorch` (and slurm, mpi) on CPUs, over gloo.

Why: mmengine's `_init_dist_*` call `torch.cuda.set_device` and take the backend 'nccl' of the
config, and `Runner.wrap_model` gives `MMDistributedDataParallel` the `device_ids` of GPUs. All
three fail on a CPU. With an accelerator these stay mmengine's.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import utils as dist_utils
from mmengine.model.wrappers import MMDistributedDataParallel
from torch import nn

from tricklift.compat import sync_bn
from tricklift.compat.devices import has_accelerator

__all__ = ["install"]

LAUNCHERS = ("_init_dist_pytorch", "_init_dist_slurm", "_init_dist_mpi")


def install() -> None:
    """Make mmengine's launchers and its DDP wrapper work without an accelerator. Idempotent.

    With one, too, synchronised norms keep the activations of timm's networks.
    """
    sync_bn.install()
    for name in LAUNCHERS:
        upstream = getattr(dist_utils, name)
        if not hasattr(upstream, "__wrapped__"):
            setattr(dist_utils, name, _over_gloo(upstream))
    if not hasattr(MMDistributedDataParallel.__init__, "__wrapped__"):
        MMDistributedDataParallel.__init__ = _without_devices(MMDistributedDataParallel.__init__)


def _over_gloo(upstream: Callable[..., None]) -> Callable[..., None]:
    """Wrap one of mmengine's `_init_dist_*`."""

    @functools.wraps(upstream)
    def init(backend: str, **kwargs: Any) -> None:
        if has_accelerator():
            upstream(backend, **kwargs)
            return
        with _no_set_device():
            upstream("gloo", **kwargs)

    return init


@contextmanager
def _no_set_device() -> Iterator[None]:
    """Let `torch.cuda.set_device` do nothing: there is no device to set."""
    set_device = torch.cuda.set_device
    torch.cuda.set_device = lambda device: None
    try:
        yield
    finally:
        torch.cuda.set_device = set_device


def _without_devices(upstream: Callable[..., None]) -> Callable[..., None]:
    """Wrap the constructor of `MMDistributedDataParallel`."""

    @functools.wraps(upstream)
    def init(self: nn.Module, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        if not any(parameter.device.type != "cpu" for parameter in module.parameters()):
            kwargs.update(device_ids=None, output_device=None)
            module = sync_bn.convert(module)
        upstream(self, module, *args, **kwargs)

    return init
