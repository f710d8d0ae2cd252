"""Assemble the module `mmcv._ext` from the stand-ins; any other op raises when it is called.

`mmcv.ops` asserts at import time that some eighty ops exist, so every attribute must exist. Only
calling an op that has no stand-in is an error, and it says which op and what to do.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from tricklift.compat.ops import deform, focal, nms, roi_align
from tricklift.compat.ops.missing import missing

__all__ = ["OPS", "fill"]


def get_compiler_version() -> str:
    """Say in the environment report of a run where the ops come from."""
    return "none (tricklift stands in for the compiled ops of mmcv)"


def get_compiling_cuda_version() -> str:
    """Say in the environment report of a run that no CUDA op of mmcv is compiled."""
    return "not available"


OPS: dict[str, Callable[..., Any]] = {
    "get_compiler_version": get_compiler_version,
    "get_compiling_cuda_version": get_compiling_cuda_version,
    **{
        name: getattr(file, name)
        for file in (deform, focal, nms, roi_align)
        for name in file.__all__
    },
}


def fill(module: ModuleType) -> None:
    """Put the stand-ins into `module`; other op names resolve to functions that raise."""
    module.__doc__ = "Stand-in for the compiled ops of mmcv, by tricklift.compat."
    vars(module).update(OPS)

    def __getattr__(name: str) -> Callable[..., NoReturn]:
        if name.startswith("_"):  # probes of the import machinery and of inspect
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        return missing(name)

    module.__getattr__ = __getattr__  # type: ignore[method-assign]
