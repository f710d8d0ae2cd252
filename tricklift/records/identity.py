"""What a run is: its row in the table, what its weights start from, and a hash of what it computes.

All of it is read from the resolved config alone, before anything runs.
"""

import hashlib
import inspect
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tricklift.errors import UserError
from tricklift.records.schema import RANDOM_INIT, WEIGHT_ENDINGS

#: Read by mmengine beside what `Runner` takes, and deciding as well.
_BESIDE_RUNNER = {
    *("custom_imports", "efficient_conv_bn_eval", "model_wrapper_cfg", "runner_type", "sync_bn"),
    "imports",  # ours: files of a user's own, counted by their content
}
#: Taken by `Runner`: where and how a run is kept, how fast it goes, what is tested afterwards.
_NOT_HASHED = {
    *("work_dir", "experiment_name", "resume", "load_from", "launcher", "env_cfg"),
    *("log_level", "log_processor", "visualizer"),
    *("test_dataloader", "test_cfg", "test_evaluator"),
}
#: Of a data loader: how its batches are brought, not what is in them.
_NOT_HASHED_OF_LOADERS = {
    *("num_workers", "persistent_workers", "prefetch_factor", "multiprocessing_context"),
    *("pin_memory", "pin_memory_device", "timeout"),
}
#: The hooks that mmengine adds to those of a config, unless it names others.
_DEFAULT_HOOKS = {
    "runtime_info": "RuntimeInfoHook",
    "timer": "IterTimerHook",
    "sampler_seed": "DistSamplerSeedHook",
    "logger": "LoggerHook",
    "param_scheduler": "ParamSchedulerHook",
    "checkpoint": "CheckpointHook",
}
#: Hooks that only watch. Any other one counts: nobody can say that it leaves the numbers alone.
_WATCHING = {
    *("ResultHook", "IterTimerHook", "LoggerHook", "CheckpointHook", "RuntimeInfoHook"),
    *("NaiveVisualizationHook", "DetVisualizationHook", "SegVisualizationHook"),
    *("ProfilerHook", "NPUProfilerHook", "MemoryProfilerHook", "EmptyCacheHook"),
}
#: Stands for the data root in what is hashed.
ROOT = "<root>"
#: Bytes of a safetensors header; that of ResNet-152 has 100 kB.
MAX_HEADER = 16 << 20


def read_header(path: str | Path) -> dict[str, str]:
    """Metadata of a safetensors file (str to str), empty for any other kind of file."""
    if Path(path).suffix != ".safetensors" or not os.path.isfile(path):
        return {}
    with Path(path).open("rb") as file:
        held = header_of(file).get("__metadata__")
    held = held if isinstance(held, dict) else {}
    return {key: value for key, value in held.items() if isinstance(value, str)}


def header_of(file: BinaryIO) -> dict[str, Any]:
    """The header of an open safetensors file, whose own reader imports torch.

    Raises:
        UserError: It is none.
    """
    size = int.from_bytes(file.read(8), "little")
    try:
        held = json.loads(file.read(size)) if size <= MAX_HEADER else None
    except (ValueError, RecursionError):
        held = None
    if not isinstance(held, dict):
        raise UserError(f"{file.name} is no whole safetensors file; write it again")
    return held


def backbone_of(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The `model.backbone` settings as a plain dict, {} where the config has none."""
    model = cfg.get("model") or {}
    return dict(model.get("backbone") or {})


def loaded_of(cfg: Mapping[str, Any]) -> str | None:
    """The checkpoint that is loaded into the whole model at the start; a resumed run has none."""
    return None if cfg.get("resume") else cfg.get("load_from") or None


def pretrained_of(cfg: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the weights start from.

    Returns:
        None (random), an export's origin, {name} of a zoo, or {file, sha256} of `load_from` (sha256
        None where that is no file here, such as a URL).
    """
    if loaded := loaded_of(cfg):
        return {"file": loaded, "sha256": digest(loaded)}
    source = weights_sources(cfg).get("pretrained")
    return weights_origin(source) if source else None


def weights_sources(cfg: Mapping[str, Any]) -> dict[str, str]:
    """What the config takes weights from: `pretrained`, `teacher` -> a file, or a name in a zoo."""
    backbone, model = backbone_of(cfg), cfg.get("model") or {}
    lesson = model.get("distillation") or {}
    sources = {
        "pretrained": backbone.get("checkpoint")
        or (backbone.get("init_cfg") or {}).get("checkpoint"),
        "teacher": (lesson.get("teacher") or {}).get("checkpoint"),
    }
    return {key: str(source) for key, source in sources.items() if source}


def weights_origin(source: str) -> dict[str, Any]:
    """What is known of the weights that a config names.

    Returns:
        Of an export its file and origin (None for what its header lacks): row, architecture, data
        set with its digest, top-1 (percent), and the hash, seed and number of processes of the run
        that trained it. Of another file {file}, of a reference to a zoo {name}.
    """
    meta = read_header(source)
    if not meta:
        return {"file": source} if os.path.isfile(source) else {"name": source}
    known = ("row", "architecture", "dataset", "data_digest", "config_hash", "seed", "world_size")
    return {
        "file": source,
        **{key: meta.get(key) for key in known},
        "top1": finite(meta.get("top1")),
    }


def row_of(cfg: Mapping[str, Any], built_in: Sequence[str] = ()) -> str:
    """The table row of a run: its own `row` in pretraining, else that of its pretrained weights.

    Tricks that detection or segmentation adds make it another row: `+ cosine + giou_loss`.

    Args:
        cfg: The resolved config.
        built_in: Tricks that its network always has (`backbones.features.Backbone.built_in`); a row
            whose weights start with them says so: `baseline (zero_gamma built in)`.
    """
    always = f" ({', '.join(built_in)} built in)" if built_in else ""
    if cfg["benchmark"]["task"] == "cls":
        return str(cfg.get("row") or Path(str(cfg.get("filename") or "unnamed")).stem) + always
    pretrained = pretrained_of(cfg)
    row = RANDOM_INIT + always
    if pretrained is not None:
        row = pretrained.get("row") or pretrained.get("name") or Path(pretrained["file"]).stem
    return " + ".join([str(row), *(cfg.get("tricks") or ())])


def config_hash(cfg: Mapping[str, Any], begun: Mapping[str, Any] | None = None) -> str:
    """sha256 (hex) of what decides the numbers of a training, seeds and other chance aside.

    Counted: what `Runner` takes (model, optimizer, schedule, training and validation data, their
    metric, loops), and the hooks that do more than watch; a section that is not known here counts
    as well. Not counted: labels (`benchmark`, `row`, `tricks`), variables of the config's file, the
    seed, data loader workers, folders, logging, testing, and what only saves time or memory.

    Neutralised: the data root (`TRICKLIFT_ROOT`); files of weights count as what they hold, exports
    by their architecture and the hash of the run that trained them, others by their content. So
    seeds, folders and machines share one hash.

    Args:
        cfg: The resolved config.
        begun: {file, sha256} of the checkpoint that the run began with, as `pretrained_of` said it,
            for a resumed one, whose config no longer names it.
    """
    plain = deciding(cfg)
    if loaded_of(cfg):
        begun = pretrained_of(cfg)
    if begun:
        digest = begun["sha256"]
        plain["load_from"] = f"<sha256 {digest}>" if digest else f"<{begun['file']}>"
    text = json.dumps(plain, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def deciding(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """What `config_hash` counts, as plain data: sections of the config, and `hooks` of both kinds.

    Folders, machines and files of weights are neutralised as it says.
    """
    root = os.environ.get("TRICKLIFT_ROOT", "data").rstrip("/")
    plain: dict[str, Any] = _neutral(_deciding(cfg), root)
    return plain


def export_mark(architecture: str | None, trained: str | None) -> str:
    """What an exported backbone counts as in `config_hash`.

    Args:
        architecture: Our name of the network.
        trained: The config hash of the run that trained it.
    """
    return f"<export {architecture} {trained}>"


def finite(value: Any) -> float | None:
    """A finite float, or None (JSON knows no NaN)."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _deciding(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the numbers, by the sections of the config."""
    from mmengine.runner import Runner  # slow to import, and most readers need none of it

    plain = cfg.to_dict() if hasattr(cfg, "to_dict") else dict(cfg)
    taken = set(inspect.signature(Runner.__init__).parameters) - {"self", "cfg"}
    counted = (taken | _BESIDE_RUNNER) - _NOT_HASHED
    found = {key: plain[key] for key in sorted(counted) if plain.get(key) is not None}
    if isinstance(randomness := found.get("randomness"), dict):
        found["randomness"] = _without(randomness, {"seed"})
    if "imports" in found:
        found["imports"] = [digest(name) or name for name in found["imports"]]
    for key in ("train_dataloader", "val_dataloader"):
        if isinstance(loader := found.get(key), dict):
            found[key] = _without(loader, _NOT_HASHED_OF_LOADERS)
    hooks = {key: {"type": name} for key, name in _DEFAULT_HOOKS.items()}
    hooks |= found.pop("default_hooks", {})
    every = [*(hooks[key] for key in sorted(hooks)), *found.pop("custom_hooks", [])]
    return {**found, "hooks": [hook for hook in every if hook and _kind(hook) not in _WATCHING]}


def _without(section: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key not in keys}


def _kind(hook: Any) -> str:
    """The class of a hook, without the scope of its registry."""
    kind = hook.get("type") if isinstance(hook, Mapping) else type(hook)
    return getattr(kind, "__name__", str(kind)).rpartition(".")[2]


def _neutral(value: Any, root: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _neutral(item, root) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_neutral(item, root) for item in value]
    if isinstance(value, str):
        if value.endswith(WEIGHT_ENDINGS) and os.path.isfile(
            value
        ):  # first: it may lie below the root
            trained = (meta := read_header(value)).get("config_hash")
            return export_mark(meta.get("architecture"), trained) if trained else digest(value)
        if value == root or value.startswith(root + "/"):
            return ROOT + re.sub("/+", "/", value[len(root) :])
    return value


def digest(path: str) -> str | None:
    """sha256 (hex) of a file's content, None where it is no file here."""
    if not os.path.isfile(path):
        return None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
