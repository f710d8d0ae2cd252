"""Questions asked by several files: what does this process train on?"""

import torch
from mmengine import device as mmengine_device

__all__ = ["amp_dtype", "device", "has_accelerator"]


def device() -> str:
    """Return the device type that mmengine would train on: cuda, npu, mlu, mps, musa, cpu, ..."""
    return str(mmengine_device.get_device())


def has_accelerator() -> bool:
    """Return whether mmengine would train on anything but the CPU (CUDA, NPU, MLU, MUSA, ...)."""
    return device() != "cpu"


def amp_dtype() -> torch.dtype:
    """The dtype of mixed precision where none is named: bfloat16 on a CPU, else float16."""
    return torch.float16 if has_accelerator() else torch.bfloat16
