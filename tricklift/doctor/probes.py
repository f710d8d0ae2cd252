"""What can only be known by importing: each question in a process of its own, answered as JSON.

`python -P -m tricklift.doctor.probes NAME`; a traceback says that the library does not even import.
"""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def torch() -> dict[str, Any]:
    """Devices; and whether torchvision's kernels go with this torch."""
    import torch
    import torchvision

    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    kept = torchvision.ops.nms(boxes, torch.tensor([0.5, 0.9]), 0.5).tolist()
    assert kept == [1], f"torchvision's nms keeps {kept} of two equal boxes, not [1]"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    properties = [torch.cuda.get_device_properties(number) for number in range(count)]
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda or torch.version.hip,
        "devices": [f"{one.name}, {one.total_memory / 1e9:.0f} GB" for one in properties],
        "mps": torch.backends.mps.is_available(),
        "threads": torch.get_num_threads(),
        "bfloat16": "amx_bf16" in _flags() or "avx512_bf16" in _flags(),
    }


def _flags() -> list[str]:
    try:
        with open("/proc/cpuinfo") as file:
            return next((line.split() for line in file if line.startswith("flags")), [])
    except OSError:
        return []


def opencv() -> dict[str, Any]:
    """OpenCV, which wants libGL."""
    import cv2

    return {"version": cv2.__version__}


def openmmlab() -> dict[str, Any]:
    """mmdet and mmseg, and whose ops they get."""
    import_module("tricklift.compat.setup")  # stands in for what mmcv-lite lacks

    import mmcv._ext
    import mmcv.ops
    import mmdet
    import mmseg
    import torch

    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    _, kept = mmcv.ops.nms(boxes, torch.tensor([0.5, 0.9]), 0.5)
    assert kept.tolist() == [1], f"mmcv.ops.nms keeps {kept.tolist()} of two equal boxes, not [1]"
    stands_in = mmcv._ext.__spec__.origin == "tricklift.compat"
    return {"mmdet": mmdet.__version__, "mmseg": mmseg.__version__, "stand_in": stands_in}


PROBES: dict[str, Callable[[], dict[str, Any]]] = {
    "torch": torch,
    "opencv": opencv,
    "openmmlab": openmmlab,
}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]]()))
