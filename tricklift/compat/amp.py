"""`AmpOptimWrapper` that also trains on a CPU.

Why: mmengine's asserts that there is a GPU, so `--amp` of the mmdet and mmseg tools and every
config with `type='AmpOptimWrapper'` fail on a CPU. bfloat16 has float32's range, so there is
nothing to scale: `loss_scale` is accepted in every form and has no effect there. On an accelerator
this class is mmengine's own, where mmengine's works: not on Apple's MPS, which is refused with the
way out. float16 on a CPU is scaled as on a GPU, and most processors are slow at it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import AmpOptimWrapper as UpstreamAmpOptimWrapper
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from tricklift.compat.devices import amp_dtype, device, has_accelerator
from tricklift.compat.precision import autocast
from tricklift.errors import UserError

__all__ = ["AmpOptimWrapper", "install"]

HOMES = (
    "mmengine.optim",
    "mmengine.optim.optimizer",
    "mmengine.optim.optimizer.amp_optimizer_wrapper",
)
#: Where mmengine's wrapper works (it asserts so).
MIXED = ("cuda", "npu", "mlu", "musa")
SKIPPED = "skipped_steps"
ON_CPU = ("bfloat16", torch.bfloat16, "float16", torch.float16)


class AmpOptimWrapper(UpstreamAmpOptimWrapper):
    """Mixed precision: mmengine's on an accelerator, autocast on a CPU.

    Args:
        loss_scale: as mmengine: 'dynamic', a number or a dict. No effect in bfloat16 on a CPU.
        dtype: autocast dtype; None is bfloat16 on a CPU and float16 elsewhere. On a CPU one of
            these two.
        use_fsdp: as mmengine. Not on a CPU.
        **kwargs: of `OptimWrapper`.

    Raises:
        UserError: a device without mixed precision (MPS); on a CPU: another dtype, an unknown
            `loss_scale`, or `use_fsdp`.
    """

    #: A tensor on the device after the first step.
    _skipped: Any = 0

    def __init__(
        self,
        loss_scale: str | float | dict[str, Any] = "dynamic",
        dtype: str | torch.dtype | None = None,
        use_fsdp: bool = False,
        **kwargs: Any,
    ) -> None:
        dtype = amp_dtype() if dtype is None else dtype
        if isinstance(loss_scale, int) and not isinstance(loss_scale, bool):
            loss_scale = float(loss_scale)  # mmengine's takes no other number
        if has_accelerator():
            if device() not in MIXED:
                raise UserError(
                    f"mmengine trains in mixed precision on {', '.join(MIXED)}, not on "
                    f"{device()!r}; leave it out (no --amp, optim_wrapper.type='OptimWrapper')"
                )
            super().__init__(loss_scale, dtype, use_fsdp, **kwargs)
            return
        if dtype not in ON_CPU:
            raise UserError(
                f"mixed precision on a CPU is bfloat16 (or float16, which is slow), got "
                f"dtype={dtype!r}; set optim_wrapper.dtype to 'bfloat16'"
            )
        if loss_scale != "dynamic" and not isinstance(loss_scale, (float, dict)):
            raise UserError(f"loss_scale is 'dynamic', a number or a dict, got {loss_scale!r}")
        if use_fsdp:
            raise UserError("use_fsdp needs GPUs; leave it out on a CPU")
        OptimWrapper.__init__(self, **kwargs)
        self.cast_dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype
        settings = loss_scale if isinstance(loss_scale, dict) else {}
        self._scale_update_param = None
        if isinstance(loss_scale, float):
            settings = {"init_scale": loss_scale}
            self._scale_update_param = loss_scale
        scaled = self.cast_dtype == torch.float16  # else everything passes through
        self.loss_scaler = torch.amp.GradScaler("cpu", **settings, enabled=scaled)

    @property
    def skipped_steps(self) -> int | None:
        """How many steps the scaler has passed over; None where nothing is scaled."""
        return int(self._skipped) if self.loss_scaler.is_enabled() else None

    def step(self, **kwargs: Any) -> None:
        """Do as mmengine's, and count a step that the scaler passes over, without waiting."""
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        if self.loss_scaler.is_enabled():  # the scaler forgets with its update
            infinite = self.loss_scaler._found_inf_per_device(self.optimizer).values()
            for found in list(infinite)[:1]:
                self._skipped = self._skipped + (found > 0)
        self.loss_scaler.update(self._scale_update_param)

    def state_dict(self) -> dict[str, Any]:
        """Return mmengine's, without the scaler's where it holds nothing, with the skipped steps.

        A checkpoint written on a CPU then resumes on a GPU, whose scaler refuses an empty state.
        """
        state = super().state_dict()
        if not state["loss_scaler"]:
            del state["loss_scaler"]
        if self.loss_scaler.is_enabled():
            state[SKIPPED] = self.skipped_steps
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load mmengine's, and the skipped steps where they are counted."""
        state = dict(state_dict)
        self._skipped = state.pop(SKIPPED, 0)
        super().load_state_dict(state)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass under autocast."""
        with OptimWrapper.optim_context(self, model), autocast(self.cast_dtype):
            yield


def install() -> None:
    """Replace `AmpOptimWrapper` in the registry, and where lazy configs import it from."""
    OPTIM_WRAPPERS.register_module(name="AmpOptimWrapper", module=AmpOptimWrapper, force=True)
    for name in HOMES:
        vars(sys.modules[name])["AmpOptimWrapper"] = AmpOptimWrapper
