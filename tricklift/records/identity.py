"""What a run is: its row in the table, what its weights start from, and a hash of what it computes.

All of it is read from the resolved config alone, before anything runs.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tricklift.records.schema import RANDOM_INIT

#: Top-level config keys that say where and how a run is kept, not what it computes.
_NOT_HASHED = {
    "work_dir",
    "resume",
    "load_from",
    "launcher",
    "log_level",
    "log_processor",
    "visualizer",
    "vis_backends",
    "experiment_name",
}
_NOT_HASHED_HOOKS = {"timer", "logger", "checkpoint", "visualization"}


def read_header(path: str | Path) -> dict[str, str]:
    """Metadata of a safetensors file (str to str), empty for any other kind of file."""
    if Path(path).suffix != ".safetensors" or not Path(path).is_file():
        return {}
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as file:
        return dict(file.metadata() or {})


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
        return {"file": loaded, "sha256": _digest(loaded)}
    backbone = backbone_of(cfg)
    source = backbone.get("checkpoint") or (backbone.get("init_cfg") or {}).get("checkpoint")
    if not source:
        return None
    return weights_origin(source)


def weights_origin(source: str) -> dict[str, Any]:
    """What is known of the weights that a config names.

    Returns:
        Of an export its file and origin (None for what its header lacks): row, architecture, data
        set, top-1 (percent), and the hash, seed and number of processes of the run that trained
        it. Of another file {file}, of a reference to a zoo {name}.
    """
    meta = read_header(source)
    if not meta:
        return {"file": source} if Path(source).is_file() else {"name": source}
    known = ("row", "architecture", "dataset", "config_hash", "seed", "world_size")
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
    """sha256 (hex) of what the resolved config computes.

    Left out: work dir, seed, resume, launcher and log settings. Neutralised: the data root
    (`TRICKLIFT_ROOT`), the path of an exported backbone, which counts as what it holds (its
    architecture and its own config hash), and that of `load_from`, which counts as its content (a
    name that is no file here, such as a URL, as itself). So seeds, folders and machines share one
    hash.

    Args:
        cfg: The resolved config.
        begun: {file, sha256} of the checkpoint that the run began with, as `pretrained_of` said it,
            for a resumed one, whose config no longer names it.
    """
    plain = _computing(cfg)
    if loaded_of(cfg):
        begun = pretrained_of(cfg)
    if begun:
        digest = begun["sha256"]
        plain["load_from"] = f"<sha256 {digest}>" if digest else f"<{begun['file']}>"
    return _hashed(plain)


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


def _computing(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level keys that say what is computed."""
    plain = cfg.to_dict() if hasattr(cfg, "to_dict") else dict(cfg)
    plain = {key: value for key, value in plain.items() if key not in _NOT_HASHED}
    if isinstance(plain.get("randomness"), Mapping):
        plain["randomness"] = {k: v for k, v in plain["randomness"].items() if k != "seed"}
    if isinstance(plain.get("default_hooks"), Mapping):
        hooks = plain["default_hooks"]
        plain["default_hooks"] = {k: v for k, v in hooks.items() if k not in _NOT_HASHED_HOOKS}
    return plain


def _hashed(plain: Mapping[str, Any]) -> str:
    root = os.environ.get("TRICKLIFT_ROOT", "data").rstrip("/")
    text = json.dumps(_neutral(plain, root), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _neutral(value: Any, root: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _neutral(item, root) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_neutral(item, root) for item in value]
    if isinstance(value, str):
        if meta := read_header(value):  # first: exports may lie below the data root
            return export_mark(meta.get("architecture"), meta.get("config_hash"))
        if value == root or value.startswith(root + "/"):
            return "<root>" + re.sub("/+", "/", value[len(root) :])
    return value


def _digest(path: str) -> str | None:
    """sha256 (hex) of a file's content, None where it is no file here."""
    if not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
