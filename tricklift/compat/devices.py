"""Questions asked by several files: what does this process train on?"""

import torch

__all__ = ["MIXED", "amp_dtype", "device", "has_accelerator"]

#: Where mmengine's `AmpOptimWrapper` works (it asserts so).
MIXED = ("cuda", "npu", "mlu", "musa")


def device() -> str:
    """Return the device type that mmengine would train on: cuda, npu, mlu, mps, musa, cpu, ..."""
    from mmengine.device import get_device

    return str(get_device())


def has_accelerator() -> bool:
    """Return whether mmengine would train on anything but the CPU (CUDA, NPU, MLU, MUSA, ...)."""
    return device() != "cpu"


def amp_dtype() -> torch.dtype:
    """The dtype of mixed precision where none is named: bfloat16 on a CPU, else float16."""
    return torch.float16 if has_accelerator() else torch.bfloat16
