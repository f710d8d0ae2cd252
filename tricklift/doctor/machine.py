"""The machine: system, Python, cores, memory, shared memory, open files."""

import os
import platform
import resource
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

from tricklift.doctor.finding import Finding
from tricklift.records.machine import cores, cpu, free_memory

GB = 1e9
#: Memory below which a run of the demo's size is in danger: two jobs of 1.2 GB and the system.
LITTLE_MEMORY = 4 * GB
#: Shared memory: below the first a batch of photographs fits no more, below the second not many.
NO_SHM, LITTLE_SHM = 0.1 * GB, 1 * GB
#: Open files: what a few data workers take, and what many do.
FEW_FILES, SOME_FILES = 256, 1024


def findings() -> Iterator[Finding]:
    """All of the machine."""
    yield Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield python()
    yield processors()
    yield memory()
    if (shm := Path("/dev/shm")).is_dir():
        yield shared_memory(shm)
    yield open_files()


def python() -> Finding:
    """The Python that runs, against what the package asks for."""
    from packaging.specifiers import SpecifierSet

    wanted = metadata("tricklift")["Requires-Python"] or ""
    said = f"{platform.python_version()} at {sys.executable}"
    if platform.python_version() in SpecifierSet(wanted):
        return Finding("Python", said)
    return Finding("Python", said, "wrong", f"make an environment with Python {wanted}")


def processors() -> Finding:
    """How many cores there are, and how many a container may use."""
    said = f"{cores()} for this process ({cpu()})"
    quota = _quota(Path("/sys/fs/cgroup/cpu.max"))
    if quota is None or quota >= cores():
        return Finding("cores", said)
    remedy = f"set OMP_NUM_THREADS={max(1, int(quota))}: more threads wait for each other"
    return Finding("cores", f"{said}, of whose time a container gives {quota:g}", "note", remedy)


def _quota(file: Path) -> float | None:
    """Cores' worth of time that Linux gives the container of this process; None: no limit."""
    try:
        limit, period = file.read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        return None


def memory() -> Finding:
    """What programs may still take."""
    free = free_memory()
    if free is None:
        return Finding("memory", "not known on this system")
    limit = _limit(Path("/sys/fs/cgroup"))
    if limit is not None and limit < free:
        free = limit
    said = f"{free / GB:.1f} GB free"
    if free >= LITTLE_MEMORY:
        return Finding("memory", said)
    return Finding("memory", said, "note", "end other programs, or run one job (--jobs 1)")


def _limit(group: Path) -> int | None:
    """Bytes that a container of this process may still take; None: no limit."""
    try:
        limit = (group / "memory.max").read_text().strip()
        return None if limit == "max" else int(limit) - int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return None


def shared_memory(place: Path) -> Finding:
    """What data workers hand their batches over in."""
    held = os.statvfs(place)
    free = held.f_bavail * held.f_frsize
    said = f"{free / GB:.2f} GB free"
    if free >= LITTLE_SHM:
        return Finding(str(place), said)
    remedy = (
        "data workers hand batches over there and die with 'Bus error' where it is full: give more "
        "(docker run --shm-size=8g, or --ipc=host), or train without workers (--cfg-options "
        "train_dataloader.num_workers=0 train_dataloader.persistent_workers=False)"
    )
    return Finding(str(place), said, "wrong" if free < NO_SHM else "note", remedy)


def open_files() -> Finding:
    """How many files a process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    said = "no limit" if soft == resource.RLIM_INFINITY else f"{soft} at the same time"
    if soft == resource.RLIM_INFINITY or soft >= SOME_FILES:
        return Finding("open files", said)
    most = 65536 if hard == resource.RLIM_INFINITY else hard
    remedy = "data workers need more: ulimit -n "
    remedy += str(most) if most > soft else "65536, which only the administrator may set here"
    return Finding("open files", said, "wrong" if soft < FEW_FILES else "note", remedy)
