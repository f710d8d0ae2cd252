"""Resume mmengine checkpoints without running code from them.

Why: since torch 2.6 `torch.load` reads with `weights_only=True`. mmengine 0.10's checkpoints hold
a message hub of `HistoryBuffer`s (pickled with numpy arrays and `getattr(HistoryBuffer, 'min')`),
so `--resume` fails in `mmengine.runner.checkpoint.load_from_local`. The usual ways out (pass
`weights_only=False`, or allow the plain `getattr`) let a file run any code. Here a short allow-list
serves what mmengine writes; everything else stays refused, with the file and the culprit named.

`install()` also replaces mmengine's loader for local files, so that the mode is explicit and
`TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` does not switch it off.
"""

import errno
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from numpy.dtypes import (
    BoolDType,
    Float16DType,
    Float32DType,
    Float64DType,
    Int8DType,
    Int16DType,
    Int32DType,
    Int64DType,
    StrDType,
    UInt8DType,
    UInt16DType,
    UInt32DType,
    UInt64DType,
)

from tricklift.errors import MissingFileError, UserError
from tricklift.records.archives import refuse_bomb

__all__ = ["DamagedCheckpointError", "UnsafeCheckpointError", "install", "load_from_disk"]

STATISTICS = ("min", "max", "mean", "current")
#: What torch says of a file that is no pickle.
GARBAGE = "Unsupported operand"
#: What the system says of an archive that is cut.
CUT = errno.EINVAL


class UnsafeCheckpointError(UserError, RuntimeError):
    """A checkpoint holds more than data, and was not loaded."""


class DamagedCheckpointError(UserError, RuntimeError):
    """A checkpoint is empty or cut off, as one is that was being written when a run died."""


def statistic(owner: object, name: str) -> Any:
    """Answer for `builtins.getattr` in a checkpoint: only HistoryBuffer's own statistics.

    Raises:
        pickle.UnpicklingError: anything else is asked for.
    """
    if owner is HistoryBuffer and name in STATISTICS:
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(
        f"getattr({owner!r}, {name!r}) is not allowed; only HistoryBuffer's "
        f"{', '.join(STATISTICS)} are"
    )


def allowed() -> list[Any]:
    """List what a checkpoint may name: classes and functions, or (function, name in the file)."""
    multiarray = np._core.multiarray  # type: ignore[attr-defined]
    reconstruct, scalar = multiarray._reconstruct, multiarray.scalar
    return [
        HistoryBuffer,
        (statistic, "builtins.getattr"),
        *((reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
        *((scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
        np.ndarray,
        np.dtype,
        *(BoolDType, StrDType, Float16DType, Float32DType, Float64DType),
        *(Int8DType, Int16DType, Int32DType, Int64DType),
        *(UInt8DType, UInt16DType, UInt32DType, UInt64DType),
    ]


def load_from_disk(filename: str | Path, map_location: Any = None, mmap: bool = False) -> Any:
    """Load a checkpoint file as data. Stands in for mmengine's `load_from_local`.

    Args:
        filename: A `.pth` file.
        map_location: As `torch.load` takes it.
        mmap: Leave the tensors in the file until they are read.

    Raises:
        MissingFileError: no such file.
        DamagedCheckpointError: the file is empty or cut off.
        UnsafeCheckpointError: the file names something outside the allow-list.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise MissingFileError(f"no checkpoint file {path}; give the path of a .pth file")
    try:
        # again, because leaving torch's `safe_globals` context elsewhere forgets what it shares
        torch.serialization.add_safe_globals(allowed())
        mmap = mmap and zipfile.is_zipfile(path)
        refuse_bomb(path)
        held = torch.load(path, map_location=map_location, weights_only=True, mmap=mmap)
        return _without_code(held)
    except UserError:
        raise
    except Exception as error:  # torch fails on what is not a whole checkpoint in any way
        of_disk = isinstance(error, OSError) and error.errno not in (None, CUT)
        if of_disk or isinstance(error, MemoryError | torch.OutOfMemoryError):
            raise
        reason, size = _reason(error), path.stat().st_size
        if isinstance(error, pickle.UnpicklingError) and not reason.startswith(GARBAGE):
            raise UnsafeCheckpointError(
                f"refused to load {path}: it holds more than data ({reason}). A checkpoint may "
                "hold tensors, plain containers, numpy arrays and mmengine's log buffers. If you "
                "trust the file, convert it once in a sandbox: load it there and save its state "
                "dict alone."
            ) from error
        raise DamagedCheckpointError(
            f"{path} is not a checkpoint that can be read ({size} bytes; {reason}); give a .pth "
            "file that a training wrote, or resume from an earlier one"
        ) from error


def _without_code(held: Any) -> Any:
    """A checkpoint without `meta.config`: mmengine runs its text as Python when it resumes.

    It is there for checkpoints of years ago; today's text is in `meta.cfg`, and nobody runs it.
    """
    meta = held.get("meta") if isinstance(held, dict) else None
    if isinstance(meta, dict):
        meta.pop("config", None)
    return held


def load_from_address(url: str, map_location: Any = None, **more: Any) -> Any:
    """Download a checkpoint and load it as data. Stands in for mmengine's `load_url`.

    Args:
        url: http or https.
        map_location: As `torch.load` takes it.
        **more: As `torch.hub.load_state_dict_from_url` takes it.

    Raises:
        UnsafeCheckpointError: the file names something outside of the allow-list.
    """
    torch.serialization.add_safe_globals(allowed())
    try:
        held = torch.hub.load_state_dict_from_url(
            url, map_location=map_location, **{**more, "weights_only": True}
        )
    except pickle.UnpicklingError as error:
        raise UnsafeCheckpointError(
            f"refused to load {url}: it holds more than data ({_reason(error)})"
        ) from error
    return _without_code(held)


def install() -> None:
    """Allow mmengine's own types in `torch.load`, and load all checkpoints through here."""
    torch.serialization.add_safe_globals(allowed())
    CheckpointLoader.register_scheme(prefixes="", loader=load_from_disk, force=True)
    checkpoint.load_url = load_from_address


def _reason(error: Exception) -> str:
    """The line of torch's long message that names the culprit."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for word in ("GLOBAL", "not allowed", GARBAGE):
        lines = [line for line in lines if word in line] or lines
    reason = (lines or [repr(error)])[0].split(" Please use")[0]
    return reason.removeprefix("WeightsUnpickler error: ").rstrip(".")
