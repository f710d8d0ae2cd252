"""A training that is told to end saves a checkpoint first: SIGTERM and SIGUSR1, as schedulers send.

Why: neither mmengine nor any scheduler saves what a run has done since its last checkpoint, and a
cluster stops jobs at any time. SIGUSR1 would end the process at once, and its data workers die of a
SIGTERM that goes to all processes of a job, which breaks the step that is being made.
"""

import functools
import multiprocessing.util
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier, get_world_size, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import runner as mmengine_runner
from torch import distributed
from torch.utils.data import DataLoader

from tricklift.compat.checkpoints import gathered
from tricklift.errors import RESUMES, SAVED, STOPPED
from tricklift.records.atomic import write_text

__all__ = ["StopSignals", "install"]

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
#: Name of a checkpoint that is saved at a signal; removed once training has passed it.
NAME = "stopped_iter_{}.pth"


class StopSignals(Hook):
    """Ends a training at the next step after a signal, with a checkpoint and exit code 85.

    All processes end at the same step, whichever of them got the signal. A validation is left at
    once, and still due when the run is resumed. Before the training begins, a signal ends the
    process as ever.

    Raises:
        SystemExit: With the code `tricklift.errors.STOPPED`, once the checkpoint is there.
    """

    priority = "VERY_LOW"

    def __init__(self) -> None:
        self.told = 0
        self._training, self._process = False, 0
        self._before: dict[int, Any] = {}
        self._group: Any = None
        self._asked: tuple[Any, torch.Tensor] | None = None

    def before_train(self, runner: Any) -> None:
        """Listen from here on."""
        self._training, self._process = True, os.getpid()
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._note)
        if get_world_size() > 1:
            self._group = distributed.new_group(backend="gloo")

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Save and end, if a signal has come: all before this step is done."""
        if self._agreed():
            self._stop(runner)

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save and end within a validation of the training, in steps that all processes make."""
        common = self._training and batch_idx < _common_steps(runner.val_dataloader) - 1
        if common and self._agreed():
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):
                    hook.after_val_epoch(runner)  # the model has its own weights again
            self._stop(runner)

    def after_train(self, runner: Any) -> None:
        """Listen no longer; what was saved at a signal is behind."""
        self._training = False
        if self._asked is not None:
            self._asked[0].wait()
        for number, before in self._before.items():
            signal.signal(number, before)
        if is_main_process():
            _remove_saved(Path(runner.work_dir))

    def _note(self, number: int, frame: object) -> None:
        if os.getpid() != self._process:  # a fork, such as a worker of mmdet's evaluation
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.told = self.told or number

    def _agreed(self) -> int:
        """The signal that some process had got when all were last asked; asks them anew.

        Nobody waits: what was asked a step ago is answered by now.
        """
        if self._group is None:
            return self.told
        answer = 0
        if self._asked is not None:
            work, told = self._asked
            work.wait()
            answer = int(told)
        told = torch.tensor(self.told)
        work = distributed.all_reduce(told, distributed.ReduceOp.MAX, self._group, async_op=True)
        self._asked = work, told
        return answer

    def _stop(self, runner: Any) -> None:
        name, place = NAME.format(runner.iter), Path(runner.work_dir)
        meta = {"epoch": runner.epoch, "iter": runner.iter}
        with gathered(runner):
            runner.save_checkpoint(str(place), name, meta=meta, by_epoch=False)
        if is_main_process():
            write_text(place / "last_checkpoint", str(place / name))
            _remove_saved(place, but=name)
        runner.call_hook("before_stop")
        number = signal.Signals(self.told or signal.SIGTERM).name
        runner.logger.info(f"stopped by {number} at iteration {runner.iter}; {SAVED}: {name}")
        if is_main_process():
            print(f"stopped by {number}; {SAVED}; {RESUMES}", file=sys.stderr, flush=True)
        if self._asked is not None:
            self._asked[0].wait()
        barrier()  # the launcher ends all as soon as one has ended
        raise SystemExit(STOPPED)


def _remove_saved(work_dir: Path, but: str = "") -> None:
    """Remove checkpoints of earlier signals."""
    for file in work_dir.glob(NAME.format("*")):
        if file.name != but:
            file.unlink(missing_ok=True)


def _common_steps(loader: DataLoader[Any]) -> int:
    """How many steps every process makes at least, of one validation."""
    world = get_world_size()
    if world == 1:
        return len(loader)
    return len(loader.dataset) // (world * (loader.batch_size or len(loader.dataset)))  # type: ignore[arg-type]


def _end_workers() -> None:
    """Kill the data workers that are left when this process ends; it would wait for them."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's raises where a worker is killed
    for worker in multiprocessing.active_children():
        if worker.daemon:
            worker.kill()


def _ended_at_exit(upstream: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap what makes loaders: this process kills their workers when it ends, however it ends."""
    registered: set[int] = set()  # a fork has none of its parent's finalizers

    @functools.wraps(upstream)
    def build_dataloader(*args: Any, **kwargs: Any) -> Any:
        if os.getpid() not in registered:
            registered.add(os.getpid())
            multiprocessing.util.Finalize(None, _end_workers, exitpriority=1)
        return upstream(*args, **kwargs)

    return build_dataloader


def _shielded(upstream: Callable[..., None]) -> Callable[..., None]:
    """Wrap what mmengine begins a data worker with: the worker outlives the first SIGTERM.

    It ends when its process has done its work, or is gone.
    """

    @functools.wraps(upstream)
    def begin(*args: Any, **kwargs: Any) -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, frame: signal.signal(number, signal.SIG_DFL))
        upstream(*args, **kwargs)

    return begin


class _Forks:
    """A signal ends a fork as ever, or the pool that the fork belongs to would wait for it.

    Until the fork no longer has our handler, signals to it are held back: none is lost.
    """

    _kept = threading.local()  # the mask of the thread that forks

    @classmethod
    def before(cls) -> None:
        cls._kept.mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    @classmethod
    def in_parent(cls) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, cls._kept.mask)

    @classmethod
    def in_child(cls) -> None:
        for number in SIGNALS:
            if getattr(signal.getsignal(number), "__func__", None) is StopSignals._note:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, cls._kept.mask)


def install() -> None:
    """Let the data workers of every Runner outlive a signal to all processes. Idempotent."""
    if not hasattr(mmengine_runner.default_worker_init_fn, "__wrapped__"):
        os.register_at_fork(
            before=_Forks.before,
            after_in_parent=_Forks.in_parent,
            after_in_child=_Forks.in_child,
        )
        shielded = _shielded(mmengine_runner.default_worker_init_fn)
        mmengine_runner.default_worker_init_fn = shielded
        ended = _ended_at_exit(mmengine_runner.Runner.build_dataloader)
        mmengine_runner.Runner.build_dataloader = staticmethod(ended)
