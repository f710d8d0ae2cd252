"""What torch, OpenCV and OpenMMLab say when they are imported (`probes`), and what that means."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tricklift.doctor.finding import Finding

#: Seconds until an import counts as hanging: cold disks of clusters take a minute.
PATIENCE = 300
NAMES = ("torch", "opencv", "openmmlab")
#: What an import says -> what to do. The first that is found counts.
KNOWN = (
    (
        r"libGL|libgthread|libglib|libSM|libXext",
        "install libgl1 and libglib2.0-0, or the build without windows: pip install "
        "--force-reinstall --no-deps opencv-python-headless",
    ),
    (
        r"torchvision::nms|undefined symbol|_C\.so|Couldn't load custom C\+\+ ops",
        "torch and torchvision are of different builds: install both anew, from one index",
    ),
    (r"NumPy 1\.x|numpy\.core\.multiarray|_ARRAY_API", "pip install 'numpy>=2,<2.5'"),
    (
        r"lib(cuda|cudart|cudnn|cublas|nccl|nvrtc)\S*\.so",
        "torch's CUDA libraries do not load: install torch anew, and unset LD_LIBRARY_PATH",
    ),
    (r"No module named '(?P<name>[\w.]+)'", "pip install the package of {name}"),
)

Asked = Mapping[str, "subprocess.Popen[str]"]


@contextmanager
def ask() -> Iterator[Asked]:
    """Starts a process for each question, and ends those that are left at the end."""
    command = [sys.executable, "-P", "-m", "tricklift.doctor.probes"]
    asked = {
        name: subprocess.Popen(
            [*command, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for name in NAMES
    }
    try:
        yield asked
    finally:
        for process in asked.values():
            with process:  # closes its pipes, and waits
                process.kill()


def findings(asked: Asked) -> Iterator[Finding]:
    """What each process answers, in their order."""
    for name, process in asked.items():
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            remedy = "try it by itself: " + f"python -m tricklift.doctor.probes {name}"
            yield Finding(name, f"no answer within {PATIENCE} s", "wrong", remedy)
            continue
        if process.returncode != 0:
            yield failed(name, process.returncode, err)
        else:
            yield from ANSWERS[name](json.loads(out.splitlines()[-1]))


def failed(name: str, code: int, text: str) -> Finding:
    """A library that does not import, or does not do what it must."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = lines[-1] if lines else "no word"
    if code < 0:
        said = f"killed by {signal.Signals(-code).name}"
    remedy = f"see the whole error: python -m tricklift.doctor.probes {name}"
    for pattern, known in KNOWN:
        if found := re.search(pattern, text):
            remedy = known.format(**found.groupdict())
            break
    return Finding(name, said, "wrong", remedy)


def _torch(told: Mapping[str, Any]) -> Iterator[Finding]:
    for number, device in enumerate(told["devices"]):
        yield Finding(f"GPU {number}", f"{device} (CUDA {told['cuda']})")
    if told["devices"]:
        return
    if told["mps"]:
        yield Finding("GPU", "Apple's (MPS)")
        return
    fast = "with" if told["bfloat16"] else "without"
    said = f"none: trainings run on the CPU, {fast} bfloat16 in hardware"
    if not (Path("/proc/driver/nvidia/version").is_file() or shutil.which("nvidia-smi")):
        yield Finding("GPU", said)
        return
    said = "torch cannot use the NVIDIA GPU of this host"
    if told["cuda"] is None:
        remedy = f"torch {told['version']} is a build for CPUs: install one with CUDA"
    elif (hidden := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        remedy = f"CUDA_VISIBLE_DEVICES is {hidden!r}: unset it, or name a GPU"
    else:
        remedy = f"the driver is too old for CUDA {told['cuda']}, or not loaded: see nvidia-smi"
    yield Finding("GPU", said, "note", remedy)


def _opencv(told: Mapping[str, Any]) -> Iterator[Finding]:
    yield Finding("opencv", f"{told['version']} imports")


def _openmmlab(told: Mapping[str, Any]) -> Iterator[Finding]:
    ops = "stand-ins of tricklift.compat" if told["stand_in"] else "compiled"
    yield Finding("mmcv.ops", f"{ops}; mmdet {told['mmdet']} and mmseg {told['mmseg']} import")


ANSWERS = {"torch": _torch, "opencv": _opencv, "openmmlab": _openmmlab}
