"""ResultHook: every training leaves one small JSON, `<work_dir>/result.json`; tables come of these.

The hook reads `benchmark` (task, tier, protocol) and what makes the run's identity
(`tricklift.records.identity`) from `runner.cfg`, and what the data are from the data sets
(`tricklift.records.data_identity`). The metrics are those of the LAST validation, so
nothing is selected on the test set; the best ones stand beside them for information.
"""

import json
import logging
import os
import subprocess
import time
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS

from tricklift import __version__
from tricklift.errors import UserError
from tricklift.records import lock, shared_images, weights
from tricklift.records.atomic import read_json, write_text
from tricklift.records.data_identity import data_of, repairs_of
from tricklift.records.identity import (
    backbone_of,
    config_hash,
    digest,
    finite,
    pretrained_of,
    row_of,
)
from tricklift.records.machine import machine, peak_memory
from tricklift.records.schema import BEGUN_WITH, RESULT_FILE, SCHEMA

#: task -> our metric name -> (the evaluator's key, factor to percent).
METRICS: dict[str, dict[str, tuple[str, float]]] = {
    "cls": {"top1": ("accuracy/top1", 1.0), "top5": ("accuracy/top5", 1.0)},
    "det": {"voc_map": ("pascal_voc/mAP", 100.0)},
    "seg": {"pix_acc": ("aAcc", 1.0), "miou": ("mIoU", 1.0), "macc": ("mAcc", 1.0)},
}

#: The top folder of the source tree that this file is part of.
TREE = Path(__file__).resolve().parents[2]


@lru_cache
def source_commit(tree: Path = TREE) -> str | None:
    """Git commit of a source tree, '-dirty' added where it has changes; None outside of git."""

    def git(*args: str) -> str:
        command = ["git", "-C", str(tree), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "tricklift/train.py")
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@HOOKS.register_module()
class ResultHook(Hook):
    """Writes `<work_dir>/result.json`: 'running' from the start, 'done' once training ended.

    Lowest priority, so that 'done' is written after the last checkpoint. A resumed run adds its
    times to the recorded ones and keeps the start, the best values and the higher peak of memory;
    where the last validation is missing (the run was stopped in it) it is made up for. Where it was
    resumed with another recipe or number of processes, `resume_notes` says so; `skipped_steps` are
    those that float16's scaler passed over. While it
    trains, the work dir is locked: a second process there would mix its checkpoints with ours.

    `cpu_seconds` are those of all threads of this process, `peak_memory` its resident memory in
    MiB: both without data workers and GPU.

    Raises:
        UserError: `benchmark` lacks a key, another process trains in the work dir, or a
            validation gives no metric of the task.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self.record: dict[str, Any] = {}
        self.path = Path(RESULT_FILE)
        self.began = self.cpu_began = 0.0  # by the clocks, less what a resumed run had taken
        self.validated = False

    def before_train(self, runner: Any) -> None:
        """Checks the labels, locks the work dir and writes the first record."""
        self.path = Path(runner.work_dir) / RESULT_FILE
        self.began, self.cpu_began = time.monotonic(), time.process_time()
        self.record = _describe(runner)
        if is_main_process():
            lock.take(*lock.of_run(runner.work_dir))
        self.validated = False
        if runner.iter > 0:
            self._take_over(runner.cfg)
        if notes := runner.message_hub.runtime_info.get("resume_notes"):
            self.record["resume_notes"] = list(notes)
        self._write()

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Records the newest metrics, in percent, and the best so far."""
        if not self.record:
            return  # a validation on its own, outside of training
        task = self.record["task"]
        found = {
            name: finite(metrics[key] * factor)
            for name, (key, factor) in METRICS[task].items()
            if metrics and key in metrics
        }
        if not found:
            wanted = ", ".join(key for key, _ in METRICS[task].values())
            raise UserError(
                f"the validation of this {task} run gave {sorted(metrics or {})}, none of "
                f"{wanted}; set val_evaluator to the metric of the task"
            )
        self.validated = True
        self._note_skipped(runner)
        self.record["metrics"] = found
        for name, value in found.items():
            best = self.record["best"].get(name)
            if value is not None and (best is None or value > best):
                self.record["best"][name] = value
        self._write()

    def after_train_epoch(self, runner: Any) -> None:
        """Keeps the recorded time fresh, for a run that is stopped and resumed."""
        self._note_skipped(runner)
        self._write()

    def before_stop(self, runner: Any) -> None:
        """Records the time of a run that a signal ends (`tricklift.compat.stop_signals`)."""
        if self.record:
            self._write()

    def after_train(self, runner: Any) -> None:
        """Makes up for a missing last validation, then marks the result as done, and unlocks."""
        if not self.validated and runner.val_loop is not None:
            runner.val_loop.run()
        self.record["iters"] = runner.iter  # fewer than planned after early stopping
        if self.record["epochs"] is not None:
            self.record["epochs"] = runner.epoch
        self.record["status"] = "done"
        self.record["finished"] = _now()
        self._write()
        lock.release(lock.of_run(runner.work_dir)[0])

    def _note_skipped(self, runner: Any) -> None:
        """Steps that float16's scaler passed over; reading them waits for the device."""
        skipped = getattr(runner.optim_wrapper, "skipped_steps", None)
        if skipped is not None:
            self.record["skipped_steps"] = skipped

    def _take_over(self, cfg: Any) -> None:
        """Goes on from the record of the interrupted run, if it is one of the same config."""
        old = read_json(self.path)
        pretrained = old.get("pretrained") or {}
        begun = pretrained if "sha256" in pretrained else None  # by load_from
        if old.get("config_hash") != config_hash(cfg, begun):
            return
        self.began -= float(old.get("wall_seconds") or 0.0)
        self.cpu_began -= float(old.get("cpu_seconds") or 0.0)
        self.record["peak_memory"] = float(old.get("peak_memory") or 0.0)
        self.record["best"] = dict(old.get("best") or {})
        kept = ("started", "config_hash", "pretrained", "teacher", "row")
        self.record |= {key: old[key] for key in kept if old.get(key)}

    def _write(self) -> None:
        most = max(self.record["peak_memory"], peak_memory())
        self.record["wall_seconds"] = round(time.monotonic() - self.began, 3)
        self.record["cpu_seconds"] = round(time.process_time() - self.cpu_began, 3)
        self.record["peak_memory"] = round(most, 1)
        if is_main_process():
            write_text(self.path, json.dumps(self.record, indent=2, allow_nan=False) + "\n")


def _describe(runner: Any) -> dict[str, Any]:
    """The record of a run that has not computed anything yet."""
    cfg = runner.cfg
    benchmark = cfg.get("benchmark") or {}
    missing = [key for key in ("task", "tier", "protocol") if not benchmark.get(key)]
    if missing or benchmark["task"] not in METRICS:
        raise UserError(
            f"config {cfg.filename}: benchmark={dict(benchmark)} must be "
            f"dict(task={'|'.join(METRICS)}, tier=..., protocol=...)"
        )
    data = _data(runner, benchmark.get("dataset"))
    backbone = backbone_of(cfg)
    network = getattr(getattr(runner.model, "module", runner.model), "backbone", None)
    built_in = list(getattr(getattr(network, "net", network), "built_in", ()))
    settings = {"type", "name", "checkpoint", "init_cfg"}
    by_epoch = type(runner.train_loop).__name__.startswith("Epoch")
    wrapper = runner.optim_wrapper
    amp = getattr(wrapper, "cast_dtype", None) or torch.float16
    dtype = amp if "Amp" in type(wrapper).__name__ else torch.float32
    return {
        "schema": SCHEMA,
        "version": __version__,
        "status": "running",
        **{key: benchmark[key] for key in ("task", "tier", "protocol")},
        "dataset": data["name"],
        "data": data,
        "row": row_of(cfg, built_in),
        "backbone": backbone.get("name") or backbone.get("type"),
        "options": {key: value for key, value in backbone.items() if key not in settings},
        **weights.weights_entries(cfg, _read(pretrained_of(cfg), network)),
        "tricks": list(cfg.get("tricks") or []),
        "built_in": built_in,
        "imports": _imports(cfg),
        "metrics": {},
        "best": {},
        "seed": runner.seed,
        "config": cfg.filename,
        "config_hash": config_hash(cfg),
        "begun_with": os.environ.get(BEGUN_WITH),
        "commit": source_commit(),
        "batch_size": _images_of_a_step(runner.train_dataloader),
        "epochs": runner.max_epochs if by_epoch else None,
        "iters": runner.max_iters,
        "wall_seconds": 0.0,
        "cpu_seconds": 0.0,
        "peak_memory": 0.0,
        "started": _now(),
        "finished": None,
        "machine": {**machine(), "amp_dtype": str(dtype).removeprefix("torch.")},
        "world_size": get_world_size(),
    }


def _images_of_a_step(loader: Any) -> int | None:
    """Of all processes, None where the loader does not say; each may accumulate several."""
    size = loader.batch_size or getattr(loader.batch_sampler, "batch_size", None)
    return size * get_world_size() if size else None


def _imports(cfg: Any) -> list[dict[str, str | None]]:
    """What of the user's own the run imports: name and sha256 (None of a module) of each."""
    return [{"name": name, "sha256": digest(name)} for name in cfg.get("imports") or ()]


def _read(pretrained: Any, network: Any) -> Any:
    """The entry `pretrained` with what was taken of somebody else's file, and what was not."""
    said = getattr(network, "trained_with", {}).get("read")
    return {**pretrained, "read": json.loads(said)} if pretrained and said else pretrained


def _data(runner: Any, label: str | None) -> dict[str, Any]:
    """What the run reads; a line says so where the config calls it something else."""
    if not is_main_process():
        return {"name": label}  # rank 0 writes the record
    data = data_of(runner)
    loops = {"train": runner.train_loop, "val": runner.val_loop}
    sets = {name: loop.dataloader.dataset for name, loop in loops.items() if loop}
    shared_images.warn(found := shared_images.shared_images(sets), len(sets.get("val", ())))
    data["val_images_in_train"] = found and found["images"]
    data["repairs"] = repairs_of(sets)
    if label not in (None, data["name"]):
        print_log(
            f"the config calls its data {label!r}, but what this run reads is {data['name']!r}; "
            "the result says that (a set of `tricklift prepare` has the name it got there)",
            logger="current",
            level=logging.WARNING,
        )
    return data
