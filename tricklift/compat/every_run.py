"""Hooks of ours that every Runner gets, whatever command and config it was started with.

Why: `mim train mmdet` and `mim train mmseg` start scripts of OpenMMLab, which know nothing of
`tricklift train`. What must hold for every run is therefore a hook here, registered by mmengine's
own Runner, and never a call in one of our commands or a line that a config has to remember.
"""

import functools
from collections.abc import Callable
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from tricklift.compat.batch_of_one import BatchOfOne
from tricklift.compat.class_checks import ClassChecks
from tricklift.compat.disk import FolderCheck
from tricklift.compat.finite_loss import FiniteLoss
from tricklift.compat.history import BoundedHistory
from tricklift.compat.lengths import LengthChecks
from tricklift.compat.precision import PrecisionHook
from tricklift.compat.predictions import LeavesPredictions
from tricklift.compat.recipe import RecipeChecks
from tricklift.compat.resume import MakesUpValidation, NotesValidation, ResumeState
from tricklift.compat.seeds import StepSeeds
from tricklift.compat.start_checks import StartChecks
from tricklift.compat.statistics import StatisticsHook
from tricklift.compat.stop_signals import StopSignals
from tricklift.compat.training_items import LeavesTrainingItems
from tricklift.compat.tuning.hook import CpuTuning
from tricklift.records.checkpoint_metadata import CheckpointMetadata

__all__ = ["HOOKS", "install"]

#: In the order in which they are registered; mmengine calls them by their `priority`.
HOOKS: tuple[type[Hook], ...] = (
    FolderCheck,
    StartChecks,
    LengthChecks,
    RecipeChecks,
    ClassChecks,
    BatchOfOne,
    StepSeeds,
    ResumeState,
    NotesValidation,
    FiniteLoss,
    BoundedHistory,
    PrecisionHook,
    StatisticsHook,
    CheckpointMetadata,
    CpuTuning,
    StopSignals,
    LeavesPredictions,
    LeavesTrainingItems,
    MakesUpValidation,
)


def install() -> None:
    """Make `Runner.register_hooks` add `HOOKS` after those of the config. Idempotent."""
    if not hasattr(Runner.register_hooks, "__wrapped__"):
        Runner.register_hooks = _with_ours(Runner.register_hooks)


def _with_ours(upstream: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(upstream)
    def register_hooks(self: Runner, *args: Any, **kwargs: Any) -> None:
        upstream(self, *args, **kwargs)
        for hook in HOOKS:
            if not any(isinstance(there, hook) for there in self.hooks):
                self.register_hook(hook())

    return register_hooks
