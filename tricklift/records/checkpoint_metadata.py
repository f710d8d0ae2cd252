"""CheckpointMetadata: a checkpoint says what it holds, so that it can be exported anywhere.

A hook of every run (`tricklift.compat.every_run`), whatever command started it.
"""

import json
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import find_latest_checkpoint, save_checkpoint
from mmengine.runner.checkpoint import _load_checkpoint

from tricklift import __version__
from tricklift.records.results import METRICS, ResultHook
from tricklift.records.schema import CHECKPOINT_KEY

#: What a checkpoint shares with the run's result file, and takes from there.
RECORDED = ("task", "dataset", "row", "tricks", "config_hash", "commit", "seed", "world_size")


class CheckpointMetadata(Hook):
    """Writes `checkpoint['meta']['tricklift']`: plain JSON data, without what is not known.

    - `architecture` and `options`: the backbone, as `backbones.build` takes it.
    - `mean` and `std`: how the model normalises its images (0..255).
    - `epochs` and `iters`: how long it was trained; `version`: of tricklift.
    - `RECORDED` and `data_digest`: as in the result file, in a run that leaves one.
    - `top1` (percent): only if these very weights were validated, with EMA the averaged ones.

    mmengine saves an epoch's checkpoint before its validation. So `top1` is in the best checkpoint
    at once, and is added to the last one when the run has ended.
    """

    def __init__(self) -> None:
        self.validated: tuple[int, float] | None = None  # iterations trained, top-1
        self.training = False

    def before_train(self, runner: Any) -> None:
        """Only validations within a training say anything of its checkpoints."""
        self.training, self.validated = True, None

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Remembers the top-1, and of which weights it is."""
        key, factor = METRICS["cls"]["top1"]
        if self.training and metrics and key in metrics:
            self.validated = (runner.iter, round(factor * metrics[key], 4))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Adds the metadata."""
        records = [hook.record for hook in runner.hooks if isinstance(hook, ResultHook)]
        record = records[0] if records else {}
        trained = checkpoint["meta"]
        facts = {
            **network_facts(runner.model),
            "epochs": trained["epoch"],
            "iters": trained["iter"],
            "version": __version__,
            **{key: record.get(key) for key in RECORDED},
            "data_digest": (record.get("data") or {}).get("digest"),
        }
        if self.validated and self.validated[0] == trained["iter"]:
            facts["top1"] = self.validated[1]
        facts = {key: value for key, value in facts.items() if value is not None}
        trained[CHECKPOINT_KEY] = json.loads(json.dumps(facts))  # no classes of mmengine

    def after_run(self, runner: Any) -> None:
        """Adds the top-1 of the last validation to the last checkpoint, if it is of its weights."""
        if self.validated is None or not is_main_process():
            return
        iters, top1 = self.validated
        last = find_latest_checkpoint(runner.work_dir)
        if last is None:
            return
        checkpoint = _load_checkpoint(last, map_location="cpu")
        facts = checkpoint["meta"].get(CHECKPOINT_KEY, {})
        if facts.get("iters") == iters and facts.get("top1") != top1:
            facts["top1"] = top1
            save_checkpoint(checkpoint, last)


def network_facts(model: Any) -> dict[str, Any]:
    """`architecture`, `options`, `mean` and `std` of a model, None where it does not say."""
    model = model.module if is_model_wrapper(model) else model
    backbone = getattr(model, "backbone", None)
    network = getattr(backbone, "net", backbone)  # within the wrapper for detectors
    name = getattr(network, "name", None)
    facts: dict[str, Any] = {
        "architecture": name if isinstance(name, str) else None,
        "options": getattr(network, "options", None),
    }
    for key in ("mean", "std"):
        values = getattr(getattr(model, "data_preprocessor", None), key, None)
        if isinstance(values, torch.Tensor):
            facts[key] = [round(value, 3) for value in values.flatten().tolist()]
    return facts
