"""Data loaders whose processes outlive an epoch are closed when a run ends, or fails.

Why: torch closes them when they are deleted. A Runner stands in circles of references, so that is
whenever Python next collects garbage, in whatever then runs; and in a circle torch can no longer
tell the processes to end: it waits 5 seconds for each, and kills it. A second training of the same
process stood still for 150 seconds.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from mmengine.runner import Runner

__all__ = ["close", "install"]


def close(runner: Runner) -> None:
    """Ends the processes of a run's data loaders; one that is used again starts new ones."""
    for loader, reading in _reading(runner):
        reading._shutdown_workers()
        if loader._iterator is reading:
            loader._iterator = None


def _reading(runner: Runner) -> Iterator[tuple[Any, Any]]:
    """Each data loader, and what reads for it with processes of its own."""
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        loader = getattr(loop, "dataloader", None)
        endless = getattr(loop, "dataloader_iterator", None)
        for reading in (getattr(loader, "_iterator", None), getattr(endless, "iterator", None)):
            if hasattr(reading, "_shutdown_workers"):
                yield loader, reading


def _closing(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    def run(self: Runner, *args: Any, **kwargs: Any) -> Any:
        try:
            return upstream(self, *args, **kwargs)
        finally:
            close(self)

    vars(run)["closes_loaders"] = True
    return run


def install() -> None:
    """Let `Runner.train`, `val` and `test` close their loaders. Idempotent."""
    for name in ("train", "val", "test"):
        upstream = getattr(Runner, name)
        if not hasattr(upstream, "closes_loaders"):
            setattr(Runner, name, _closing(upstream))
