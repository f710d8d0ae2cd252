"""One question asked by several files: does this process train on an accelerator?"""

__all__ = ["has_accelerator"]


def has_accelerator() -> bool:
    """Return whether mmengine would train on anything but the CPU (CUDA, NPU, MLU, MUSA, ...)."""
    from mmengine.device import get_device

    return str(get_device()) != "cpu"
