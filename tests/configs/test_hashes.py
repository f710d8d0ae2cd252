"""A config's hash is what decides its numbers, wherever data and exports lie."""

import copy
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from safetensors.torch import save_file

from tricklift import configs
from tricklift.records.identity import config_hash, weights_sources
from tricklift.tricks import load

#: The exports that leaves name: what they learn from, and what they start from.
EXPORTS = (
    "resnet18_d_wide-smooth",
    "resnet34_d-smooth",
    "resnet152_d-smooth",
    "resnet152_d-mixup",
    "resnet152_d-places365-mixup",
    "resnet50_b-standard",
    *(
        f"resnet50_d-{row}"
        for row in ("efficient", "cosine", "smooth", "distill", "mixup", "mixup-distill")
    ),
)


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> list[tuple[str, str]]:
    """Twice a data root and, above it, a folder of exports; alike but for their names."""
    found = []
    for name in ("one", "two"):
        folder = tmp_path_factory.mktemp(name)
        for export in EXPORTS:
            header = {"architecture": export.partition("-")[0], "config_hash": export}
            save_file({"w": torch.zeros(1)}, str(folder / f"{export}.safetensors"), header)
        found.append((str(folder / name), str(folder)))
    return found


@pytest.mark.parametrize("name", configs.short_names())
def test_no_folder_is_in_the_hash_of_a_leaf(name, places, monkeypatch):
    hashes = set()
    for root, exports in places:
        monkeypatch.setenv("TRICKLIFT_ROOT", root)
        monkeypatch.setenv("TRICKLIFT_EXPORTS", exports)
        cfg = Config.fromfile(configs.find_config(name), import_custom_modules=False)
        sources = weights_sources(cfg).values()
        # named anywhere else, an export would be a setting of its own in the hash
        assert json.dumps(cfg.to_dict(), default=str).count(".safetensors") == len(sources)
        for source in sources:
            assert Path(source).parent == Path(exports)
            assert Path(source).is_file(), "put it into EXPORTS"
        hashes.add(config_hash(cfg))
    assert len(hashes) == 1


Place = tuple[str | int, ...]
#: Sections of which every setting decides, and those of which none does.
DECIDING = {
    *("model", "optim_wrapper", "param_scheduler", "train_cfg", "val_cfg", "val_evaluator"),
    *("train_dataloader", "val_dataloader", "auto_scale_lr", "sync_bn", "default_scope"),
    *("custom_hooks", "custom_imports"),
}
IDLE = {
    *("test_dataloader", "test_cfg", "test_evaluator", "env_cfg", "randomness", "resume"),
    *("log_level", "log_processor", "visualizer", "vis_backends", "default_hooks"),
    *("benchmark", "row", "tricks"),
    *("data_root", "train_pipeline", "test_pipeline", "max_epochs", "max_iters", "crop_size"),
    *("norm_cfg", "warmup_epochs"),  # variables, used in sections before the config is resolved
}
WORKERS = {"num_workers", "persistent_workers", "pin_memory"}


def leaves(node: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every setting of a config: where it stands, and its value."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        if isinstance(value, dict | list | tuple) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def decides(path: Place) -> bool:
    """Whether the setting at a path decides the numbers of a run."""
    assert path[0] in DECIDING | IDLE | {"load_from"}, f"{path[0]}: say here whether it decides"
    if path[:2] in {("default_hooks", "param_scheduler"), ("default_hooks", "sampler_seed")}:
        return True
    if "_hooks" in str(path[0]) and path[-1] == "type":
        return True  # a hook that is not known may do anything
    if path[0] in ("train_dataloader", "val_dataloader") and path[1] in WORKERS:
        return False
    return path[0] in DECIDING or path[0] == "load_from"


def changed(cfg: dict[str, Any], path: Place, value: Any) -> dict[str, Any]:
    """The config with another value at a path."""
    other = copy.deepcopy(cfg)
    node: Any = other
    for key in path[:-1]:
        node = node[key]
    if isinstance(value, bool):
        node[path[-1]] = not value
    elif isinstance(value, int | float):
        node[path[-1]] = value + 1
    else:
        node[path[-1]] = f"{value or ''}x"
    return other


@pytest.fixture(scope="module")
def resolved() -> dict[str, dict[str, Any]]:
    """Every leaf, and one with the tricks whose hooks change the training."""
    files = {name: configs.find_config(name) for name in configs.short_names()}
    with configs.silently():
        found = {
            name: Config.fromfile(file, import_custom_modules=False) for name, file in files.items()
        }
        hooks = ("early_stopping", "ema")
        found["with hooks"] = load(files["cls/mini/resnet18_b-baseline"], hooks)
    return {name: json.loads(json.dumps(cfg.to_dict())) for name, cfg in found.items()}


def test_every_setting_that_decides_moves_the_hash_and_no_other(resolved):
    seen = set()
    for name, cfg in resolved.items():
        before = config_hash(cfg)
        for path, value in leaves(cfg):
            if (path, repr(value)) in seen:
                continue  # the same setting of another config
            seen.add((path, repr(value)))
            moved = config_hash(changed(cfg, path, value)) != before
            assert moved == decides(path), f"{name}: {'.'.join(map(str, path))} = {value!r}"
    assert len(seen) > 500


@pytest.mark.parametrize(
    "change",
    [
        {"work_dir": "elsewhere", "experiment_name": "x", "launcher": "slurm"},
        {"compile": True, "activation_checkpointing": ["layer"]},
        {"my_variable": 3},
        {"randomness": {"seed": 7}},
        {"sync_bn": None},
        {"custom_hooks": [{"type": "ResultHook"}, {"type": "mmengine.ProfilerHook"}]},
        {"default_hooks": {"timer": None, "checkpoint": {"type": "CheckpointHook", "interval": 9}}},
        {"default_hooks": {"param_scheduler": {"type": "ParamSchedulerHook"}}},
    ],
)
def test_what_only_says_where_and_how_fast_leaves_the_hash(resolved, change):
    cfg = resolved["cls/mini/resnet18_b-baseline"]
    assert config_hash({**cfg, **change}) == config_hash(cfg)


@pytest.mark.parametrize(
    "change",
    [
        {"data_preprocessor": {"type": "ImgDataPreprocessor"}},
        {"model_wrapper_cfg": {"type": "MMFullyShardedDataParallel"}},
        {"randomness": {"seed": 0, "diff_rank_seed": True}},
        {"custom_hooks": [{"type": "MyHook"}]},
        {"default_hooks": {"param_scheduler": None}},
        {"a_section_of_tomorrow": {"depth": 3}},
    ],
)
def test_what_runner_takes_counts_unless_it_is_known_not_to(resolved, change, monkeypatch):
    signature = inspect.signature(Runner.__init__)
    new = inspect.Parameter("a_section_of_tomorrow", inspect.Parameter.KEYWORD_ONLY)
    signature = signature.replace(parameters=[*signature.parameters.values(), new])
    monkeypatch.setattr(Runner.__init__, "__signature__", signature, raising=False)
    cfg = resolved["cls/mini/resnet18_b-baseline"]
    assert config_hash({**cfg, **change}) != config_hash(cfg)
