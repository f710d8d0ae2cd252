"""Variables that change what a run does, and the cluster that this host belongs to."""

import os
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from tricklift.doctor.finding import Finding
from tricklift.records.machine import cores

#: What libraries below torch, OpenCV and numpy take their number of threads from.
THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
OURS = ("TRICKLIFT_ROOT", "TRICKLIFT_EXPORTS", "TRICKLIFT_DATA", "TRICKLIFT_DEBUG")
#: Offers our stand-ins to OpenMMLab's own scripts, unless it is 0.
AUTOLOAD = "TORCH_DEVICE_BACKEND_AUTOLOAD"
SLURM = ("sbatch", "srun", "squeue", "scontrol", "sinfo", "scancel")


def findings(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """All of the environment."""
    yield threads(environment)
    said = ", ".join(f"{name}={environment[name]}" for name in OURS if name in environment)
    yield Finding("variables", said or "none of ours is set")
    if environment.get(AUTOLOAD) == "0":
        remedy = "unset it: `mim test mmdet` then finds mmcv.ops without compiled mmcv"
        yield Finding(AUTOLOAD, "0", "note", remedy)
    yield slurm()


def threads(environment: Mapping[str, str]) -> Finding:
    """Variables that set numbers of threads, against the cores."""
    given = {name: environment[name] for name in THREADS if environment.get(name)}
    said = ", ".join(f"{name}={value}" for name, value in given.items()) or "no variable is set"
    wrong = [name for name, value in given.items() if not value.split(",")[0].strip().isdigit()]
    if wrong:
        return Finding("threads", said, "note", f"{', '.join(wrong)}: give a whole number")
    many = [name for name, value in given.items() if int(value.split(",")[0]) > cores()]
    if not many:
        return Finding("threads", said)
    remedy = f"unset {', '.join(many)}, or give at most {cores()}: threads beyond the cores wait "
    return Finding("threads", said, "note", f"{remedy}for each other")


def slurm() -> Finding:
    """Slurm's commands, and what we submit with."""
    found = [name for name in SLURM if shutil.which(name)]
    if not found:
        return Finding("Slurm", "no command of it: jobs run on this host")
    lacking = [name for name in SLURM if name not in found]
    if lacking:
        remedy = "for `run --engine slurm`, start from a host that has all of them"
        return Finding("Slurm", f"lacks {', '.join(lacking)}", "note", remedy)
    if find_spec("submitit") is None:
        remedy = "for `run --engine slurm`: pip install submitit"
        return Finding("Slurm", f"{', '.join(found)}; no submitit", "note", remedy)
    return Finding("Slurm", ", ".join(found))
