"""Checkpoints that are there whole, at every moment of a run, and that are of its model.

Why: mmengine's `LocalBackend.put` writes in place, and its `CheckpointHook` removes the outdated
checkpoint before it saves the new one. With `max_keep_ckpts=1` a run that is killed within the
write has nothing left to resume from. Here a file appears when it is whole, and what it outdates
goes after that.

mmengine loads the keys that fit and only logs the rest, so a wrong file would pass as random
weights. Here a resumed run needs every key. In a run with `benchmark` labels (one for the table) a
test does too, and a training that starts from `load_from` needs every key of the backbone: heads
for other classes are usual there.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import mmengine.hooks
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend as UpstreamLocalBackend
from mmengine.fileio import register_backend
from mmengine.hooks import CheckpointHook as UpstreamCheckpointHook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop
from torch import nn

from tricklift.compat.statistics import averaged
from tricklift.errors import UserError
from tricklift.records import atomic

__all__ = ["CheckpointHook", "LocalBackend", "install", "misfits", "refuse"]

Path = str | os.PathLike[str]

#: In a checkpoint's `meta`: names of the files that are removed once it is there.
OUTDATED = "outdated"
_SHOWN = 5


def misfits(model: nn.Module, state: Mapping[str, Any]) -> list[str]:
    """The model's keys that a state dict lacks or holds in another shape, with the reason."""
    inner: Any = model.module if is_model_wrapper(model) else model
    wanted = inner.state_dict()
    missing = [f"{key} (missing)" for key in wanted if key not in state]
    return missing + [
        f"{key} ({tuple(state[key].shape)} for {tuple(value.shape)})"
        for key, value in wanted.items()
        if key in state and getattr(state[key], "shape", value.shape) != value.shape
    ]


def refuse(checkpoint: object, found: Sequence[str]) -> None:
    """Stop where something does not fit.

    Args:
        checkpoint: Which, for the message.
        found: Of `misfits`, those that count.

    Raises:
        UserError: There are any; names the first of them.
    """
    if found:
        raise UserError(
            f"checkpoint {checkpoint} is not of this model: {len(found)} keys do not fit: "
            f"{', '.join(found[:_SHOWN])}{', ...' if len(found) > _SHOWN else ''}; test or resume "
            "with the config (and --backbone) that it was trained with; to start from a backbone's "
            "weights alone, export it and give the file to --pretrained"
        )


class LocalBackend(UpstreamLocalBackend):
    """mmengine's local files, written whole or not at all."""

    def put(self, obj: bytes, filepath: Path) -> None:
        """Write bytes; missing parent folders are created."""
        atomic.write_bytes(filepath, obj)

    def put_text(self, obj: str, filepath: Path, encoding: str = "utf-8") -> None:
        """Write text; missing parent folders are created."""
        atomic.write_bytes(filepath, obj.encode(encoding))


class RemovesLater:
    """A file backend that notes what it shall remove, and does so when it is told to `catch_up`."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.outdated: list[Path] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, filepath: Path) -> None:
        """Note a file."""
        self.outdated.append(filepath)

    def catch_up(self, kept: set[Path | None]) -> None:
        """Remove what was noted, except a file that has been written anew under its old name."""
        for path in self.outdated:
            if path not in kept:
                self.backend.remove(path)


@contextmanager
def gathered(runner: Any) -> Iterator[None]:
    """Brings to rank 0 what only all processes know, for a block that saves a checkpoint to resume.

    Every process must come here.
    """
    for hook in runner.hooks:
        if hasattr(hook, "collect"):
            hook.collect(runner)
    with averaged(runner):
        yield


class CheckpointHook(UpstreamCheckpointHook):
    """mmengine's hook, with the outdated checkpoint removed after the new one is saved.

    Raises:
        UserError: What was loaded is not of this model (see above).
    """

    _loaded: str = ""
    _misfits: Sequence[str] = ()
    _outdated: Sequence[str] = ()

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Refuse what does not fit in a resumed run; else note it, for what follows."""
        self._loaded = runner._load_from or f"in {runner.work_dir}"
        found = misfits(runner.model, checkpoint.get("state_dict", checkpoint))
        if runner._resume and isinstance(runner._train_loop, BaseLoop):
            refuse(self._loaded, found)
            self._outdated = (checkpoint.get("meta") or {}).get(OUTDATED) or ()
        elif "benchmark" in runner.cfg:
            self._misfits = found

    def before_train(self, runner: Any) -> None:
        """Refuse what does not fit into the backbone of a run that only starts from it."""
        found, self._misfits = self._misfits, ()
        refuse(self._loaded, [key for key in found if key.startswith("backbone.")])
        super().before_train(runner)
        if runner.iter > 0:  # mmengine adds the best score only to what this process has written
            self.last_ckpt = runner.message_hub.runtime_info.get("last_ckpt")
        if is_main_process():
            self._tidy(runner)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Note what this file outdates, for a run that is killed before it is removed."""
        backend = getattr(self, "file_backend", None)
        if isinstance(backend, RemovesLater):
            checkpoint["meta"][OUTDATED] = [os.path.basename(path) for path in backend.outdated]

    def _tidy(self, runner: Any) -> None:
        """Remove what a killed run left: parts of files, and what its last checkpoint outdates."""
        atomic.remove_unfinished(runner.work_dir)
        kept = {os.path.basename(path) for path in self._best() if path}
        for name in set(self._outdated) - kept:
            path = self.file_backend.join_path(self.out_dir, name)
            if path != runner._load_from and self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def before_val(self, runner: Any) -> None:
        """Refuse what does not fit in a validation alone."""
        refuse(self._loaded, self._misfits)

    def before_test(self, runner: Any) -> None:
        """Refuse what does not fit."""
        refuse(self._loaded, self._misfits)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        with gathered(runner), self._removing_later():
            super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, Any]) -> None:
        with averaged(runner), self._removing_later():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _removing_later(self) -> Iterator[None]:
        """Hold removals back until the block ends well; a block within another one joins it."""
        direct = getattr(self, "file_backend", None)  # a validation alone has none
        if direct is None or isinstance(direct, RemovesLater):
            yield
            return
        later = RemovesLater(direct)
        self.file_backend: Any = later
        try:
            yield
        finally:
            self.file_backend = direct
        later.catch_up({self.last_ckpt, *self._best()})

    def _best(self) -> set[Path | None]:
        """Paths of the best checkpoints, one for each indicator."""
        if not self.save_best:
            return set()
        if len(self.key_indicators) == 1:
            return {self.best_ckpt_path}
        return set(self.best_ckpt_path_dict.values())


def install() -> None:
    """Replace mmengine's local backend, and its hook in the registry and where it is imported."""
    register_backend("local", LocalBackend, force=True, prefixes="")
    HOOKS.register_module(name="CheckpointHook", module=CheckpointHook, force=True)
    vars(mmengine.hooks)["CheckpointHook"] = CheckpointHook
