"""A run of epochs that was stopped within one goes on with the next step, not with the first.

Why: mmengine resumes a run of epochs at the beginning of an epoch. From a checkpoint of its middle
it makes the steps before it again, while its count of steps, and with it every schedule, goes on:
the run gets longer than its config says, and one that is stopped again and again within its first
epoch never ends. Runs of iterations leave out what is behind by themselves.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

__all__ = ["WithinEpoch"]

#: Key of a checkpoint's `meta`: steps of the epoch that are done, and of all.
KEY = "within_epoch"


class WithinEpoch(Hook):
    """Notes in each checkpoint how much of the epoch is done, and leaves it out when it resumes.

    The order of the images is that of the epoch; what is random about each image is drawn anew.
    Where an epoch has another number of steps by now (processes, batch), it begins anew.
    """

    def __init__(self) -> None:
        self._done = 0
        self._behind: tuple[int, int] | None = None

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Read what is behind."""
        self._behind = (checkpoint.get("meta") or {}).get(KEY)

    def before_train_epoch(self, runner: Any) -> None:
        """Leave out what is behind, in the epoch that a resumed run begins with."""
        behind, self._behind, self._done = self._behind, None, 0
        if behind is None or not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        loader = runner.train_loop.dataloader
        done, steps = behind
        if not getattr(runner, "_resume", False) or steps != len(loader):
            return
        self._done = done
        # not to be set once a loader is made, but nothing has been read with it yet
        loader.__dict__["batch_sampler"] = _From(loader.batch_sampler, done)
        runner.logger.info(f"goes on within the epoch, after step {done} of {steps}")

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """One more is done."""
        self._done += 1

    def after_train_epoch(self, runner: Any) -> None:
        """All are done; checkpoints of the epoch are written after this."""
        self._done = 0

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Note how much is done."""
        if self._done and isinstance(runner.train_loop, EpochBasedTrainLoop):
            checkpoint["meta"][KEY] = (self._done, len(runner.train_loop.dataloader))


class _From:
    """A batch sampler whose first pass leaves out the first batches.

    Args:
        upstream: Gives lists of indices.
        done: How many to leave out, once.
    """

    def __init__(self, upstream: Any, done: int) -> None:
        self.upstream, self.done = upstream, done

    def __iter__(self) -> Iterator[list[int]]:
        done, self.done = self.done, 0
        yield from islice(iter(self.upstream), done, None)

    def __len__(self) -> int:
        return len(self.upstream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.upstream, name)
