"""What a run computes on, and how much memory it took."""

import os
import platform
import resource
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

MMCV = ("mmcv", "mmcv-lite")  # one of them
PACKAGES = ("torch", "torchvision", "mmengine", *MMCV, "mmdet", "mmsegmentation", "timm")


def cores() -> int:
    """How many cores this process may use, at least 1."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def cpu() -> str:
    """What the processor is called."""
    return _told("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """What the run computes on: CPU, cores it may use, torch, threads, device."""
    import torch  # slow to import, and the other functions need none of it

    return {
        "cpu": cpu(),
        "cores": cores(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Of Python, the system, and the packages that a run computes with, as far as they are here."""
    found = {"Python": platform.python_version(), "system": platform.platform(terse=True)}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def peak_memory() -> float:
    """The most resident memory that this process has had, in MiB, without its data workers.

    Linux keeps it for each program run. What `getrusage` says there includes the parent's at the
    fork, and is the fallback for other systems (macOS counts bytes, others KiB).
    """
    if told := _told("/proc/self/status", "VmHWM"):
        return int(told.split()[0]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024**2 if platform.system() == "Darwin" else 1024)


def free_memory() -> int | None:
    """Bytes of memory that programs may still take; None where the system does not say."""
    told = _told("/proc/meminfo", "MemAvailable")
    return int(told.split()[0]) * 1024 if told else None


def _told(file: str, key: str) -> str:
    """What Linux says under a key in one of its files; empty where it does not."""
    lines = Path(file).read_text().splitlines() if Path(file).is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
