"""Synchronised batch normalisation: of timm's networks, and on CPUs.

Why: with `sync_bn='torch'` mmengine makes a bare `SyncBatchNorm` of every norm. timm's
`BatchNormAct2d` is norm, dropout and activation in one module, and would lose the latter two.

The stock mmseg configs normalise by `SyncBN`. torch's `SyncBatchNorm` raises on CPU input when
training is distributed, and `DistributedDataParallel` already refuses a CPU model that holds one.
mmengine's own fallback to BatchNorm serves one process alone.
"""

import sys

import torch
from mmengine.model import convert_sync_batchnorm as upstream_conversion
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from tricklift.errors import UserError

__all__ = ["CpuSyncBatchNorm", "CpuSyncBatchNormAct", "convert", "install", "synchronised"]

USERS = ("mmengine.model", "mmengine.runner.runner", "mmengine._strategy.distributed")


def install() -> None:
    """Replace `convert_sync_batchnorm` where mmengine's runners look it up. Idempotent."""
    for name in USERS:
        if name in sys.modules:
            vars(sys.modules[name])["convert_sync_batchnorm"] = synchronised


def synchronised(module: nn.Module, implementation: str = "torch") -> nn.Module:
    """Turn each batch norm in `module` into a synchronised one, in place; activations stay.

    Args:
        module: With norms of torch and of timm.
        implementation: 'torch', or 'mmcv' for a network without timm's norms.

    Returns:
        `module`, or what replaces it if it is a norm itself.

    Raises:
        UserError: Another implementation, or 'mmcv' for timm's norms.
    """
    from timm.layers.norm_act import BatchNormAct2d, convert_sync_batchnorm

    if implementation == "torch":
        return convert_sync_batchnorm(module)
    if any(isinstance(part, BatchNormAct2d) for part in module.modules()):
        raise UserError(
            f"sync_bn={implementation!r} would remove the activations of this network: timm keeps "
            "them in its norms (BatchNormAct2d); set sync_bn='torch'"
        )
    return upstream_conversion(module, implementation)


class CpuSyncBatchNorm(_BatchNorm):
    """What `nn.SyncBatchNorm` does, with statistics reduced over CPU processes.

    Input `(N, C, ...)`; N may differ between processes. Running variance is unbiased, as torch's.
    Not a subclass of `nn.SyncBatchNorm`, because DDP refuses that one on a CPU.
    """

    process_group: dist.ProcessGroup | None = None

    def forward(self, input: Tensor) -> Tensor:
        training = self.training or not self.track_running_stats
        if not training or not dist.is_initialized():
            return super().forward(input)
        self._check_input_dim(input)
        group = self.process_group or dist.group.WORLD
        values = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
        axes = [axis for axis in range(input.dim()) if axis != 1]
        count = values.new_tensor([values.numel() / max(values.size(1), 1)])
        sums = all_reduce(torch.cat([values.sum(axes), count]), group=group)
        mean, total = sums[:-1] / sums[-1], sums[-1].detach()
        shape = [1, -1] + [1] * (input.dim() - 2)
        centred = values - mean.view(shape)
        variance = all_reduce(centred.square().sum(axes), group=group) / total
        self._track(mean.detach(), variance.detach(), total)
        output = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            output = output * self.weight.view(shape) + self.bias.view(shape)
        return output.to(input.dtype)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise UserError(
                f"expected at least 2D input (N, C, ...), got {input.dim()}D; give whole batches"
            )

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, total: Tensor) -> None:
        """Update the running statistics."""
        if not self.training or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None  # they come together
        self.num_batches_tracked.add_(1)
        momentum = self.momentum
        if momentum is None:
            momentum = 1.0 / self.num_batches_tracked.item()
        unbiased = variance * (total / (total - 1).clamp(min=1))
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), momentum)


class CpuSyncBatchNormAct(CpuSyncBatchNorm):
    """What timm's `SyncBatchNormAct` does, over CPU processes."""

    act: nn.Module
    drop: nn.Module

    def forward(self, input: Tensor) -> Tensor:
        return self.act(self.drop(super().forward(input)))


def convert(module: nn.Module) -> nn.Module:
    """Turn each `SyncBatchNorm` in `module` into one that works on CPUs, in place.

    Parameters, buffers, state-dict keys and activations stay what they are; only the class changes.
    """
    from timm.layers.norm_act import SyncBatchNormAct

    for child in module.modules():
        if isinstance(child, SyncBatchNormAct):
            child.__class__ = CpuSyncBatchNormAct
        elif isinstance(child, nn.SyncBatchNorm):  # mmengine registers a subclass
            child.__class__ = CpuSyncBatchNorm  # type: ignore[assignment]
    return module
