"""A resumed run goes on where its checkpoint is from, as if it had never been stopped.

Why: mmengine reads a checkpoint after it has built the data loaders, so their seed is that of the
new process (drawn, where the config has none) and not the run's. It begins the epoch anew that was
stopped in its middle, never makes up for a validation that a run was stopped in, and loses the
gradients that are accumulated over several steps.

Here the checkpoint is chosen (`whole_checkpoints`) and its seed and step are read before the loader
of the training is built; `batches` begins it at that step.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.dist import (
    broadcast_object_list,
    gather_object,
    get_rank,
    get_world_size,
    is_main_process,
)
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from tricklift.compat.batches import batches_of, number_batches
from tricklift.compat.whole_checkpoints import damage, find_whole, held
from tricklift.errors import UserError

__all__ = ["MakesUpValidation", "ResumeState", "install"]

#: In a checkpoint's `meta`: batches of its epoch that are done, 0 at the end of one.
BATCHES = "batches_of_epoch"
#: In a checkpoint: of each process, the gradients of a step that is not complete.
GRADIENTS = "accumulated_gradients"
#: In the message hub: the iteration of the last complete validation.
VALIDATED = "last_validation"


class ResumeState(Hook):
    """Writes into checkpoints what mmengine's lack, and takes it from there.

    That is the place within an epoch, and the gradients of a step that several batches make.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self.place = (0, 0)  # epoch, batches of it
        self.gradients: dict[str, Any] = {}
        self.of_ranks: list[dict[str, Any]] = []

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Takes the gradients of this process, once the optimizer is there."""
        self.gradients = {}
        if _resumes(runner):
            of_ranks = checkpoint.pop(GRADIENTS, None) or []
            self.gradients = of_ranks[get_rank()] if len(of_ranks) == get_world_size() else {}

    def before_train(self, runner: Any) -> None:
        """Restores them."""
        self.place = (runner.epoch, getattr(runner.train_loop, "batches_behind", 0))
        for name, parameter in runner.model.named_parameters():
            if name in self.gradients:
                parameter.grad = self.gradients[name].to(parameter)
        self.gradients = {}

    def before_train_epoch(self, runner: Any) -> None:
        """Numbers the batches of an epoch."""
        batches = batches_of(runner.train_dataloader)
        if batches is not None and isinstance(runner.train_loop, EpochBasedTrainLoop):
            batches.step = runner.iter

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Notes the place."""
        self.place = (runner.epoch, batch_idx + 1)

    def after_train_epoch(self, runner: Any) -> None:
        """The next epoch begins with its first batch."""
        runner.train_loop.batches_behind = 0

    def collect(self, runner: Any) -> None:
        """Hands rank 0 the gradients of all processes; each of them comes here before a save."""
        if get_world_size() > 1 and _within_step(runner.optim_wrapper):
            self.of_ranks = gather_object(_gradients(runner.model)) or []

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Writes both; on rank 0 alone."""
        meta = checkpoint["meta"]
        epoch, batches = self.place
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        meta[BATCHES] = batches if by_epoch and meta["epoch"] == epoch else 0
        if "optimizer" in checkpoint and _within_step(runner.optim_wrapper):
            checkpoint[GRADIENTS] = self.of_ranks or [_gradients(runner.model)]
        self.of_ranks = []


class MakesUpValidation(Hook):
    """Runs the validation that a run was stopped in, or before, when it is resumed."""

    priority = "LOWEST"

    def before_train(self, runner: Any) -> None:
        """Validates, if the checkpoint's step had one to come."""
        if _owes_validation(runner):
            runner.logger.info("the validation of this checkpoint was not complete: made up for")
            runner.val_loop.run()


class NotesValidation(Hook):
    """Notes in the message hub, and so in the checkpoints, which step was validated last."""

    priority = "VERY_HIGH"

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Before the checkpoint of the best is written."""
        if isinstance(runner._train_loop, BaseLoop):
            runner.message_hub.update_info(VALIDATED, runner.iter)


def _resumes(runner: Any) -> bool:
    return bool(runner._resume) and isinstance(runner._train_loop, BaseLoop)


def _gradients(model: Any) -> dict[str, Any]:
    named = model.named_parameters()
    return {name: value.grad.cpu() for name, value in named if value.grad is not None}


def _within_step(wrapper: Any) -> bool:
    """Whether gradients are accumulated that no update has used yet."""
    counts = getattr(wrapper, "_accumulative_counts", 1)
    return counts > 1 and wrapper._inner_count % counts != 0 and not wrapper.should_update()


def _owes_validation(runner: Any) -> bool:
    loop = runner.train_loop
    if runner.iter == 0 or runner.val_loop is None:
        return False
    if isinstance(loop, EpochBasedTrainLoop):
        at, end = loop.epoch, loop.max_epochs
        if getattr(loop, "batches_behind", 0):
            return False
    elif isinstance(loop, IterBasedTrainLoop):
        at, end = loop.iter, loop.max_iters
    else:
        return False
    loop._decide_current_val_interval()
    due = at >= loop.val_begin and (at % loop.val_interval == 0 or at == end)
    return due and at > 0 and runner.message_hub.runtime_info.get(VALIDATED) != runner.iter


def _choose(runner: Any) -> dict[str, Any] | None:
    """What is to be known of the checkpoint that a run resumes from; None if there is none.

    Rank 0 looks; a named one is that or an error, else the last whole one is taken.
    """
    answer: list[Any] = [None, None]
    if is_main_process():
        try:
            answer[0] = _looked_up(runner)
        except UserError as error:
            answer[1] = error
    broadcast_object_list(answer)
    if answer[1] is not None:
        raise answer[1]
    found: dict[str, Any] | None = answer[0]
    return found


def _looked_up(runner: Any) -> dict[str, Any] | None:
    given = runner._load_from
    if given is None:
        path, passed_over = find_whole(Path(runner.work_dir))
        for line in passed_over:
            runner.logger.warning(line)
        if path is None:
            return None
        runner.logger.info(f"Auto resumed from the latest checkpoint {path}.")  # as mmengine
    else:
        path = Path(given)
        wrong = damage(path) if path.is_file() else None
        if wrong is not None:
            raise UserError(
                f"{path} is damaged: {wrong}; resume from another checkpoint, or give --resume "
                "without a file to take the last one that is whole"
            )
        if not path.is_file():  # an address: mmengine fetches it
            return None
    meta = held(path).get("meta") or {}
    keys = ("seed", "epoch", "iter", BATCHES)
    return {"path": str(path), **{key: meta.get(key) for key in keys}}


def _behind(found: dict[str, Any], loop: Any) -> int:
    """Batches of the checkpoint's epoch that are done."""
    if found[BATCHES] is not None:
        return int(found[BATCHES])
    if found["iter"] is None or found["epoch"] is None:  # weights alone; refused when they are read
        return 0
    done = found["iter"] - found["epoch"] * len(loop.dataloader)  # mmengine's own checkpoint
    return done if 0 < done <= len(loop.dataloader) else 0


def _resumable(upstream: Callable[..., BaseLoop]) -> Callable[..., BaseLoop]:
    @functools.wraps(upstream)
    def build_train_loop(self: Any, loop: Any) -> BaseLoop:
        if isinstance(loop, BaseLoop):
            return upstream(self, loop)
        found = _choose(self) if self._resume else None
        if found:
            self._load_from = found["path"]
            if found["seed"] is not None and found["seed"] != self.seed:
                self._randomness_cfg.update(seed=found["seed"])
                self.set_randomness(**self._randomness_cfg)
        given = self._train_dataloader
        if isinstance(given, dict):
            by_rank = self._randomness_cfg.get("diff_rank_seed", False)
            self._train_dataloader = self.build_dataloader(
                given, seed=self.seed, diff_rank_seed=by_rank
            )
        try:
            step = int(found["iter"] or 0) if found else 0
            number_batches(self._train_dataloader, self.seed, step)
            built = upstream(self, loop)
        finally:
            self._train_dataloader = given
        if found and isinstance(built, EpochBasedTrainLoop):
            built.batches_behind = _behind(found, built)
            batches = batches_of(built.dataloader)
            if batches is not None:
                batches.passed_over = built.batches_behind
        return built

    return build_train_loop


def install() -> None:
    """Choose the checkpoint, and restore its seed and place, before a training loop is built."""
    if not hasattr(Runner.build_train_loop, "__wrapped__"):
        Runner.build_train_loop = _resumable(Runner.build_train_loop)
