"""One precision for a whole run: what trains under autocast is validated and tested under the same.

Why: mmengine's `ValLoop` and `TestLoop` know only `fp16=True`, which is float16 on a GPU whatever
the training's dtype is, and `--amp` of mmdet and mmseg leaves validation in float32.

mmdet's RoI extractor casts the RoIs to the dtype of the features (`rois.type_as(feats[0])`). With
bfloat16's 8 bits a box edge at 500 px moves by up to 1 px, at 1000 px by up to 2; float16's 11 bits
move it by an eighth of that. So under autocast the extractor gets float32 features: same ops, exact
boxes. Likewise heads compute scores, boxes and label maps from their outputs in float32: rounded to
bfloat16, all scores above 0.99 are one of three values, in no order.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial, wraps
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.optim.optimizer.amp_optimizer_wrapper import (
    AmpOptimWrapper as UpstreamAmpOptimWrapper,
)
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.runner import loops
from torch import Tensor, nn

from tricklift.compat.devices import amp_dtype, device
from tricklift.errors import UserError

__all__ = ["PrecisionHook", "autocast", "install"]

EXTRACTOR = "mmdet.models.roi_heads.roi_extractors.single_level_roi_extractor"


@contextmanager
def autocast(dtype: torch.dtype) -> Iterator[None]:
    """Mixed precision on the device of this process, with exact RoIs.

    Args:
        dtype: bfloat16 or float16 (which mmengine refuses on a CPU).
    """
    _keep_rois_exact()
    with torch.autocast(device(), dtype):  # mmengine's compares versions, which dynamo cannot trace
        yield


def _keep_rois_exact() -> None:
    """Let mmdet's RoI extractor, if it is imported, work in float32 under autocast."""
    module = sys.modules.get(EXTRACTOR)
    if module is None or hasattr(module.SingleRoIExtractor.forward, "__wrapped__"):
        return
    upstream = module.SingleRoIExtractor.forward

    @wraps(upstream)
    def forward(self: nn.Module, feats: Any, rois: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if torch.is_autocast_enabled(feats[0].device.type):
            feats = tuple(feat.float() for feat in feats)
        return upstream(self, feats, rois, *args, **kwargs)

    module.SingleRoIExtractor.forward = forward


class PrecisionHook(Hook):
    """Validates and tests in the precision of the training, and writes it into checkpoints.

    A test on its own takes the precision of its checkpoint (`meta.precision`), or for a file that
    does not say, of the config's `optim_wrapper`.

    Raises:
        UserError: In a config with `benchmark` labels, `fp16=True` of a loop where the training is
            in float32, or mixed precision without a dtype.
    """

    loaded: str | None = None

    def before_run(self, runner: Any) -> None:
        """Lets heads of mmdet and mmseg compute what they predict in float32."""
        for module in runner.model.modules():
            if "predict_by_feat" not in vars(module) and hasattr(module, "predict_by_feat"):
                module.predict_by_feat = partial(_in_float32, module.predict_by_feat)

    def before_train(self, runner: Any) -> None:
        """Refuses a config of two precisions, or of one that depends on the machine."""
        if "benchmark" not in runner.cfg:
            return
        if trained_in(runner) != torch.float32:
            if not runner.cfg.optim_wrapper.get("dtype"):
                raise UserError(
                    "optim_wrapper.dtype is not stated, so the run would be in bfloat16 on a CPU "
                    "and in float16 on a GPU; set it to 'bfloat16' or 'float16' (--cfg-options "
                    "optim_wrapper.dtype=bfloat16)"
                )
            return
        for part in ("val_cfg", "test_cfg"):
            if (runner.cfg.get(part) or {}).get("fp16"):
                raise UserError(
                    f"{part}.fp16=True, but the training is in float32; leave it out: validation "
                    "and test follow optim_wrapper (for half precision type='AmpOptimWrapper', "
                    "dtype='bfloat16' or 'float16')"
                )

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Notes the precision."""
        checkpoint.setdefault("meta", {})["precision"] = name_of(trained_in(runner))

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Reads it, for a test."""
        self.loaded = (checkpoint.get("meta") or {}).get("precision")

    def before_val(self, runner: Any) -> None:
        """Sets the precision of the loop."""
        self._set(runner, runner.val_loop)

    def before_test(self, runner: Any) -> None:
        """Sets the precision of the loop."""
        self._set(runner, runner.test_loop)

    def _set(self, runner: Any, loop: Any) -> None:
        trains = isinstance(runner.optim_wrapper, OptimWrapper)
        named = None if trains else self.loaded
        dtype = getattr(torch, named) if named else trained_in(runner)
        if dtype != torch.float32 or named:
            loop.fp16 = dtype


def _in_float32(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return method(*_single(args), **{key: _single(value) for key, value in kwargs.items()})


def _single(value: Any) -> Any:
    """Tensors of half types in float32, also those in lists and tuples."""
    if isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16):
        return value.float()
    return type(value)(map(_single, value)) if type(value) in (list, tuple) else value


def trained_in(runner: Any) -> torch.dtype:
    """The dtype that a run's matrix products are trained in, by its wrapper or the config of it."""
    held = runner.optim_wrapper
    if isinstance(held, UpstreamAmpOptimWrapper):
        return held.cast_dtype or amp_dtype()
    if not isinstance(held, Mapping) or "type" not in held:
        return torch.float32
    kind = OPTIM_WRAPPERS.get(held["type"]) if isinstance(held["type"], str) else held["type"]
    if not isinstance(kind, type) or not issubclass(kind, UpstreamAmpOptimWrapper):
        return torch.float32
    dtype = held.get("dtype") or amp_dtype()
    return dtype if isinstance(dtype, torch.dtype) else getattr(torch, dtype)


def name_of(dtype: torch.dtype) -> str:
    """As configs and checkpoints write it: float32, bfloat16, float16."""
    return str(dtype).removeprefix("torch.")


def install() -> None:
    """Let mmengine's loops take a dtype in the place of `fp16=True`."""
    vars(loops)["autocast"] = _of_loop


def _of_loop(enabled: bool | torch.dtype) -> AbstractContextManager[None]:
    if isinstance(enabled, torch.dtype) and enabled != torch.float32:
        return autocast(enabled)
    return torch.autocast(device(), enabled=enabled is True)
