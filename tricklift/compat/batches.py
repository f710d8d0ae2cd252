"""Batches that know their training step: seeded by it, and begun in the middle of an epoch.

Why: mmengine's loop by epochs begins a resumed run at the start of an epoch, whatever step its
checkpoint is from. Its loop by iterations loads and throws away all batches before that step. And
what a data worker draws depends on all that it has loaded before.

Here the batch sampler of the training is wrapped: each batch carries the number of its step, which
seeds the augmentation of its images, and the batches before a resumed step are passed over as
indices, without a file being opened.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_rank
from mmengine.runner import EpochBasedTrainLoop, loops
from torch.utils.data import DataLoader, IterableDataset

from tricklift.compat.seeds import LOADING, seed_generators

__all__ = ["NumberedBatches", "batches_of", "install", "number_batches"]


class Batch(list[int]):
    """Places in a data set, and the training step that they are for."""

    step: int = 0


class NumberedBatches:
    """A batch sampler whose batches carry their step; all else is that of the wrapped one.

    Attributes:
        step: The step, from 0, that the next pass begins with.
        passed_over: Batches at the start of the next pass that belong to earlier steps.
        epoch: What the sampler is told when the next pass begins, if it is to be told.
    """

    def __init__(self, batches: Any) -> None:
        self.batches = batches
        self.step = 0
        self.passed_over = 0
        self.epoch: int | None = None

    def __getattr__(self, name: str) -> Any:
        if name == "batches":  # while it is being unpickled
            raise AttributeError(name)
        return getattr(self.batches, name)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        first, self.passed_over = self.passed_over, 0
        epoch, self.epoch = self.epoch, None
        sampler = getattr(self.batches, "sampler", None)
        if epoch is not None and sampler is not None and hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
        for places in islice(iter(self.batches), first, None):
            batch = Batch(places)
            batch.step = self.step
            self.step += 1
            yield batch


class SeededItems:
    """Loads the images of a batch, each with generators seeded by its step and its place in it.

    Stands in for the data set's `__getitems__`, which torch's loaders ask for.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed
        self.rank = get_rank()

    def __call__(self, batch: Sequence[int]) -> Sequence[Any]:
        together = getattr(type(self.dataset), "__getitems__", None)
        if together is not None:
            self._seed(batch, 0)
            return list(together(self.dataset, batch))
        items = []
        for place, index in enumerate(batch):
            self._seed(batch, place)
            items.append(self.dataset[index])
        return items

    def _seed(self, batch: Sequence[int], place: int) -> None:
        if isinstance(batch, Batch):
            entropy = (self.seed, LOADING, batch.step, self.rank, place)
            seed_generators(*entropy, devices=False)


class PassesOver(loops._InfiniteDataloaderIterator):
    """mmengine's iterator over a training's data; a resumed one begins at the step of the run.

    mmengine's loop takes the batches of the steps before it out first: it gets None for each.
    """

    def __init__(self, dataloader: Any) -> None:
        self.owed = 0
        batches = batches_of(dataloader)
        epoch = 0
        if batches is not None and batches.step:
            self.owed = batches.step
            endless = isinstance(getattr(batches, "sampler", None), InfiniteSampler)
            length = batches.step + 1 if endless else max(len(dataloader), 1)
            epoch, batches.passed_over = divmod(batches.step, length)
            batches.epoch = epoch  # mmengine's hooks say 0 in a loop by iterations
        super().__init__(dataloader)
        self._epoch = epoch

    def __next__(self) -> Any:
        if self.owed:
            self.owed -= 1
            return None
        return super().__next__()


def batches_of(loader: Any) -> NumberedBatches | None:
    """The numbered batches of a loader, None where it has none."""
    batches = getattr(loader, "batch_sampler", None)
    return batches if isinstance(batches, NumberedBatches) else None


def number_batches(loader: Any, seed: int, step: int) -> None:
    """Lets a training loader that has not begun number its batches and seed its images.

    Args:
        loader: Of this process. One without batches of places in a data set stays as it is.
        seed: Of the run, alike in all processes.
        step: That the training begins with, from 0.
    """
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return
    if loader.batch_sampler is None or loader._iterator is not None:
        return
    batches = batches_of(loader)
    if batches is None:
        batches = NumberedBatches(loader.batch_sampler)
        # torch guards this name, because a loader that runs would not see the change
        object.__setattr__(loader, "batch_sampler", batches)
    batches.step = step
    dataset: Any = loader.dataset
    with suppress(AttributeError):  # a plain list augments nothing
        dataset.__getitems__ = SeededItems(dataset, seed)


def _within_epoch(upstream: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(upstream)
    def run_iter(self: Any, idx: int, data_batch: Any) -> None:
        upstream(self, idx + getattr(self, "batches_behind", 0), data_batch)

    return run_iter


def install() -> None:
    """Let mmengine's loops begin at the step of a resumed run. Idempotent."""
    vars(loops)["_InfiniteDataloaderIterator"] = PassesOver
    if not hasattr(EpochBasedTrainLoop.run_iter, "__wrapped__"):
        EpochBasedTrainLoop.run_iter = _within_epoch(EpochBasedTrainLoop.run_iter)
