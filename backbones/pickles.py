"""Read a ``.pth`` checkpoint of the classification stage as data: no code in the file runs.

`torch.load` runs with ``weights_only=True``. What mmengine stores beside the weights (logs, the
random state of schedulers) refers to a few classes of mmengine and numpy; here they become inert
placeholders, so that not even those are imported or called.
"""

import errno
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tricklift.errors import UserError
from tricklift.records.archives import refuse_bomb

#: What torch's long message says of the culprit.
_TOLD = re.compile("WeightsUnpickler error:|GLOBAL")


class Placeholder:
    """Stands for an object in a checkpoint that nobody here needs; takes anything, does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> "Placeholder":
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


# All that mmengine 0.10 and numpy 1 and 2 name in a training checkpoint, and what others keep in
# theirs beside the weights: arguments and paths.
PLACEHOLDERS = (
    *("argparse.Namespace", "types.SimpleNamespace", "pathlib.PosixPath", "pathlib.PurePosixPath"),
    *("pathlib._local.PosixPath", "pathlib.WindowsPath", "datetime.datetime", "datetime.timedelta"),
    "mmengine.logging.history_buffer.HistoryBuffer",
    "builtins.getattr",
    "numpy.ndarray",
    "numpy.dtype",
    *(f"numpy.{m}.multiarray.{f}" for m in ("core", "_core") for f in ("_reconstruct", "scalar")),
    *(f"numpy.dtypes.{kind}DType" for kind in ("Bool", "Object", "Float32", "Float64")),
    *(f"numpy.dtypes.{kind}DType" for kind in ("Int32", "Int64", "UInt8", "UInt32", "UInt64")),
)


@contextmanager
def _only_placeholders() -> Iterator[None]:
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals([(Placeholder, name) for name in PLACEHOLDERS])
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


#: Bytes of a tensor that has fewer numbers in the file than elements.
MOST_HOLLOW = 64 << 20


def load(path: Path) -> dict[str, Any]:
    """Load a checkpoint's tensors and plain values onto the CPU.

    Raises:
        UserError: Not a checkpoint, or it holds objects that only running code could rebuild.
    """
    refuse_bomb(path)
    try:
        with _only_placeholders():
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        lines = [line for line in str(error).splitlines() if _TOLD.search(line)]
        said = (lines or ["not a pickle of torch"])[0].split("WeightsUnpickler error:")[-1]
        reason = said.split("Please")[0].strip()
        raise UserError(
            f"refused to read {path}: it holds more than tensors and plain values, and rebuilding "
            f"that could run code from the file ({reason}). Export it to safetensors where it "
            "was made, and use that"
        ) from error
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # torch fails on a file that is none of its own in any way
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        line = str(error).strip().splitlines()[0] if str(error).strip() else "empty"
        raise UserError(
            f"{path} is not a readable torch checkpoint ({line}); save or fetch it again"
        ) from error
    if not isinstance(content, dict):
        raise UserError(
            f"{path} holds a {type(content).__name__}, not a checkpoint; save a dict of tensors"
        )
    _refuse_hollow(content, path)
    return content


def _refuse_hollow(content: Any, path: Path) -> None:
    """Refuses tensors that are far larger than what the file holds, or that lie elsewhere.

    One value that stands for a few (`expand`) is common, and does no harm.

    Raises:
        UserError: There is one.
    """
    left, seen = [content], set()
    while left:
        value = left.pop()
        if isinstance(value, dict | list | tuple):
            if id(value) not in seen:
                seen.add(id(value))
                left += value.values() if isinstance(value, dict) else value
        elif isinstance(value, Tensor):
            plain = value.device.type == "cpu" and value.layout == torch.strided
            held = value.untyped_storage().nbytes() if plain else 0
            size = value.numel() * value.element_size()
            if size > held and (not plain or size > MOST_HOLLOW):
                raise UserError(
                    f"{path} is not read: a tensor of shape {tuple(value.shape)} has {held:,} "
                    "bytes in it; save it as plain tensors on the CPU"
                )
