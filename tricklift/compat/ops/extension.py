"""Assemble the module `mmcv._ext` from the stand-ins; any other op raises when it is called.

`mmcv.ops` asserts at import time that some eighty ops exist, so every attribute must exist. Only
calling an op that has no stand-in is an error, and it says which op and what to do.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from tricklift.compat.ops import deform, focal, nms, roi_align, roi_pool

__all__ = ["OPS", "MissingOpError", "fill"]


class MissingOpError(NotImplementedError):
    """A compiled op of mmcv was called that has no stand-in here."""


def get_compiler_version() -> str:
    """Say in the environment report of a run where the ops come from."""
    return "none (tricklift stands in for the compiled ops of mmcv)"


def get_compiling_cuda_version() -> str:
    """Say in the environment report of a run that no CUDA op of mmcv is compiled."""
    return "not available"


OPS: dict[str, Callable[..., Any]] = {
    "get_compiler_version": get_compiler_version,
    "get_compiling_cuda_version": get_compiling_cuda_version,
    "nms": nms.nms,
    "softnms": nms.softnms,
    "roi_align_forward": roi_align.roi_align_forward,
    "roi_align_backward": roi_align.roi_align_backward,
    "roi_pool_forward": roi_pool.roi_pool_forward,
    "roi_pool_backward": roi_pool.roi_pool_backward,
    "deform_conv_forward": deform.deform_conv_forward,
    "deform_conv_backward_input": deform.deform_conv_backward_input,
    "deform_conv_backward_parameters": deform.deform_conv_backward_parameters,
    "modulated_deform_conv_forward": deform.modulated_deform_conv_forward,
    "modulated_deform_conv_backward": deform.modulated_deform_conv_backward,
    "sigmoid_focal_loss_forward": focal.sigmoid_focal_loss_forward,
    "sigmoid_focal_loss_backward": focal.sigmoid_focal_loss_backward,
    "softmax_focal_loss_forward": focal.softmax_focal_loss_forward,
    "softmax_focal_loss_backward": focal.softmax_focal_loss_backward,
}


def missing(name: str) -> Callable[..., NoReturn]:
    """Return a function that raises `MissingOpError` for the op `name`."""

    def op(*args: object, **kwargs: object) -> NoReturn:
        raise MissingOpError(
            f"the op {name!r} of mmcv has no stand-in; tricklift serves: "
            f"{', '.join(sorted(OPS))}. Either choose a config without it, or install compiled "
            f"mmcv (replace mmcv-lite: `pip uninstall mmcv-lite && pip install 'mmcv>=2.1,<2.2'`, "
            f"which needs a torch it compiles against); a compiled mmcv is then used instead."
        )

    op.__name__ = op.__qualname__ = name
    return op


def fill(module: ModuleType) -> None:
    """Put the stand-ins into `module`; other op names resolve to functions that raise."""
    module.__doc__ = "Stand-in for the compiled ops of mmcv, by tricklift.compat."
    for name, op in OPS.items():
        setattr(module, name, op)

    def __getattr__(name: str) -> Callable[..., NoReturn]:
        if name.startswith("_"):  # probes of the import machinery and of inspect
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        return missing(name)

    module.__getattr__ = __getattr__  # type: ignore[method-assign]
