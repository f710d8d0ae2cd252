"""What a run computes on, and how much memory it took."""

import os
import platform
import resource
from pathlib import Path
from typing import Any


def cores() -> int:
    """How many cores this process may use, at least 1."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """What the run computes on: CPU, cores it may use, torch, threads, device."""
    import torch  # slow to import, and the other functions need none of it

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    threads = torch.get_num_threads()
    return {
        "cpu": name,
        "cores": cores(),
        "device": device,
        "torch": torch.__version__,
        "threads": threads,
    }


def peak_memory() -> float:
    """The most resident memory that this process has had, in MiB, without its data workers.

    Linux keeps it for each program run. What `getrusage` says there includes the parent's at the
    fork, and is the fallback for other systems (macOS counts bytes, others KiB).
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024**2 if platform.system() == "Darwin" else 1024)
