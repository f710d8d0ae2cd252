"""Training and testing one config with mmengine's Runner: `tricklift train`, `mim train` and jobs.

All three kinds of configs run here: classification (root scope), detection (scope `mmdet`) and
segmentation (scope `mmseg`). The arguments are the ones of OpenMMLab's own tools.
"""

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger, print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

import backbones as registry
import tricklift.compat.setup
import tricklift.records.results  # noqa: F401  (both register what every config may name)
from backbones import hub
from backbones.libraries import is_reference
from tricklift import config_keys, configs
from tricklift import log_to as logging_to
from tricklift.compat import imports
from tricklift.compat.checkpoints import misfits, refuse
from tricklift.compat.devices import amp_dtype
from tricklift.compat.safe_load import load_from_disk
from tricklift.compat.start_checks import check_steps, check_top_level
from tricklift.errors import MissingFileError, UserError
from tricklift.records.finished import refuse_to_replace
from tricklift.records.machine import cores
from tricklift.tricks import lengths, load, refuse_other_network

#: What `--teacher` takes.
TEACHERS = "an exported file, a .pth of the classification stage, timm/NAME, torchvision/NAME or "
TEACHERS += "hf://USER/NAME"


def build_config(
    reference: str | Path,
    *,
    work_dir: str | Path | None = None,
    seed: int | None = None,
    backbone: str | None = None,
    pretrained: str | None = None,
    weights_from: str | None = None,
    tricks: Sequence[str] = (),
    teacher: str | None = None,
    options: Mapping[str, Any] | None = None,
    amp: bool = False,
    auto_scale_lr: bool = False,
    resume: str | None = None,
    keep_last: int | None = None,
    launcher: str = "none",
    log_to: Sequence[str] = (),
    own_imports: Sequence[str] = (),
) -> Config:
    """The resolved config of a run.

    Args:
        reference: Path or short name of a config.
        work_dir: Where the run is kept; by default as the config says, or `work_dirs/<short name>`.
        seed: Sets `randomness.seed`.
        backbone: Sets `model.backbone.name`.
        pretrained: Sets `model.backbone.checkpoint`: a file, timm/NAME, torchvision/NAME, none.
        weights_from: Sets `model.backbone.weights_from`: which of several weights in a file.
        tricks: Laid over the config on top of its own, see `tricklift.tricks.load`.
        teacher: Sets `model.distillation.teacher`: a file, timm/NAME or torchvision/NAME, whose
            network is the one that the file or the library says.
        options: Dotted keys of `--cfg-options`, applied last; schedules follow the lengths that
            they set.
        amp: Mixed precision (`AmpOptimWrapper`), on a CPU in bfloat16, else in float16.
        auto_scale_lr: Scale the learning rate to the batch size.
        resume: None, `auto` (the last checkpoint in the work dir, if any) or a checkpoint.
        keep_last: How many checkpoints are kept, beside the best one.
        launcher: none, pytorch, slurm or mpi.
        log_to: tensorboard, wandb, mlflow: where metrics go beside the log files.
        own_imports: Modules and files of the user's own, beside those of `--import`.

    Raises:
        UserError: Unknown config, key or trick, a misspelt name in the config's file, a setting
            that this config has no place for, another backbone than the one of its tricks, or a
            rate that would not be scaled to all images of a step.
        MissingFileError: No such pretrained or resume file.
    """
    path = configs.find_config(reference)
    with configs.readable(path), configs.silently():
        cfg = load(path, tricks)
    own = [*imports.of_config(cfg), *imports.load(own_imports), *imports.given()]
    if own:
        cfg.imports = list(dict.fromkeys(own))
    check_top_level(cfg)
    cfg.launcher = launcher
    named = configs.short_name(path) or path
    if backbone is not None:
        refuse_other_network(cfg, backbone, f"--backbone: {named}")
    if backbone is not None or pretrained is not None:
        _set_backbone(cfg, backbone, pretrained)
    if weights_from is not None:
        _set_weights_from(cfg, weights_from)
    if teacher is not None:
        _set_teacher(cfg, teacher)
    if seed is not None:
        cfg.merge_from_dict({"randomness.seed": seed})
    options = options or {}
    if network := options.get("model.backbone.name"):
        refuse_other_network(cfg, network, f"--cfg-options model.backbone.name: {named}")
    before = lengths.lengths(cfg)
    config_keys.merge_options(cfg, options)
    lengths.follow(cfg, before, options)
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    elif not cfg.get("work_dir"):
        cfg.work_dir = str(Path("work_dirs") / (configs.short_name(path) or path.stem))
    logging_to.add(cfg, log_to, logging_to.name_of(cfg))
    if amp:
        cfg.optim_wrapper.type = "AmpOptimWrapper"
        cfg.optim_wrapper.setdefault("loss_scale", "dynamic")
        cfg.optim_wrapper.setdefault("dtype", str(amp_dtype()).removeprefix("torch."))
    if auto_scale_lr:
        if "base_batch_size" not in cfg.get("auto_scale_lr", {}):
            raise UserError(f"--auto-scale-lr: {path} has no auto_scale_lr.base_batch_size; add it")
        cfg.auto_scale_lr.enable = True
    _refuse_uncounted_images(cfg)
    _fetch_from_hub(cfg)
    _set_resume(cfg, resume)
    if keep_last is not None:
        _set_keep_last(cfg, keep_last)
    return cfg


def _set_backbone(cfg: Config, name: str | None, pretrained: str | None) -> None:
    backbone = (cfg.get("model") or {}).get("backbone")
    if not isinstance(backbone, dict) or "name" not in backbone:
        raise UserError(
            f"--backbone/--pretrained: {cfg.filename} has no model.backbone.name to set; use "
            "a config of tricklift ('tricklift list configs')"
        )
    if name is not None:
        backbone["name"] = name
        if "width" in backbone and "width" not in registry.info(name).options:
            words = f"{name} is taken as it is: it has no width to set to {backbone.pop('width'):g}"
            print_log(words, "current")
    if pretrained is not None:
        allowed = "a file of weights, timm/NAME, torchvision/NAME, hf://USER/NAME or none"
        elsewhere = is_reference(pretrained) or hub.is_address(pretrained)
        if pretrained.lower() != "none" and not elsewhere:
            _require_file(pretrained, "--pretrained", allowed)
        backbone["checkpoint"] = None if pretrained.lower() == "none" else pretrained


def _set_weights_from(cfg: Config, weights_from: str) -> None:
    backbone = (cfg.get("model") or {}).get("backbone") or {}
    if not backbone.get("checkpoint"):
        raise UserError(
            f"--weights-from {weights_from!r} chooses weights of a file; add --pretrained FILE"
        )
    backbone["weights_from"] = weights_from


def _set_teacher(cfg: Config, teacher: str) -> None:
    lesson = (cfg.get("model") or {}).get("distillation")
    if not lesson:
        raise UserError("--teacher: nothing is distilled here; add --tricks distillation")
    if not is_reference(teacher) and not hub.is_address(teacher):
        _require_file(teacher, "--teacher", TEACHERS)
    lesson["teacher"] = dict(name=None, checkpoint=teacher)


def _fetch_from_hub(cfg: Config) -> None:
    """Puts the file in the place of an address on the hub: it says what the weights are, and stays.

    Raises: As `backbones.hub.fetch`.
    """
    model = cfg.get("model") or {}
    for taker in (model.get("backbone"), (model.get("distillation") or {}).get("teacher")):
        address = taker.get("checkpoint") if taker else None
        if taker and address and hub.is_address(address):
            taker["checkpoint"] = str(hub.fetch(address))


def _refuse_uncounted_images(cfg: Config) -> None:
    """Refuses to scale the rate where a step accumulates gradients, which mmengine leaves out."""
    counts = (cfg.get("optim_wrapper") or {}).get("accumulative_counts", 1)
    if counts > 1 and (cfg.get("auto_scale_lr") or {}).get("enable"):
        raise UserError(
            "auto_scale_lr (--auto-scale-lr, trick 'linear_scaling') scales the rate to the images "
            f"of one pass, and a step here takes {counts} (optim_wrapper.accumulative_counts); set "
            "auto_scale_lr.enable=False, and optim_wrapper.optimizer.lr to the rate of all of them"
        )


def _set_resume(cfg: Config, resume: str | None) -> None:
    if resume is None:
        return
    cfg.resume = True
    cfg.load_from = None
    if resume != "auto":
        _require_file(resume, "--resume", "a checkpoint, or --resume alone for the last one")
        cfg.load_from = resume


def _set_keep_last(cfg: Config, count: int) -> None:
    hook = (cfg.get("default_hooks") or {}).get("checkpoint")
    if count < 1 or not isinstance(hook, dict):
        raise UserError(
            f"--keep-last: give 1 or more, got {count}"
            if count < 1
            else f"--keep-last: {cfg.filename} has no default_hooks.checkpoint; add it"
        )
    hook["max_keep_ckpts"] = count


def _require_file(path: str, what: str, allowed: str) -> None:
    if not Path(path).is_file():
        raise MissingFileError(f"{what}: no file {path!r}; give {allowed}")


def build_runner(cfg: Config) -> Runner:
    """The Runner of a config, on as many threads as there are cores for this process."""
    if "model" not in cfg:
        raise UserError(f"{cfg.filename} has no model; give a config of a whole run")
    torch.set_num_threads(min(torch.get_num_threads(), cores()))
    _wait_for_a_name()
    return RUNNERS.build(cfg) if "runner_type" in cfg else Runner.from_cfg(cfg)


def _wait_for_a_name() -> None:
    """mmengine calls a run by its config and second; another of that name would share its log."""
    while any(name.endswith(time.strftime("%Y%m%d_%H%M%S")) for name in MMLogger._instance_dict):
        time.sleep(0.05)


@contextmanager
def _logged() -> Iterator[None]:
    """Writes the traceback of an error into the run's log file."""
    try:
        yield
    except Exception:
        logger = MMLogger.get_current_instance()
        place = (logging.ERROR, __file__, 0, "the run ended with an error", (), sys.exc_info())
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.handle(logger.makeRecord(logger.name, *place))
        raise


def train(cfg: Config) -> Path:
    """Trains to the end, or from the last checkpoint when resuming; returns the work dir.

    Raises:
        UserError: The work dir holds a run that this one would replace, the checkpoint to resume
            from belongs to another model, or the run would not do what its config says
            (`tricklift.compat.every_run`).
    """
    if not cfg.get("resume"):
        refuse_to_replace(cfg.work_dir, cfg)  # before anything is written there
    with _logged(), config_keys.named_by_config(cfg):
        runner = build_runner(cfg)
        if runner.train_loop is not None:  # it is what train() builds first
            check_steps(runner.train_loop.dataloader)
        runner.train()
    return Path(cfg.work_dir)


def test(cfg: Config, checkpoint: str | Path) -> dict[str, float]:
    """Evaluates a training checkpoint on the config's test data; returns the evaluator's metrics.

    Raises:
        MissingFileError: No such checkpoint.
        UserError: It belongs to another model or to other classes.
    """
    _require_file(str(checkpoint), "checkpoint", "a .pth file that a training wrote")
    if Path(checkpoint).suffix == ".safetensors":
        raise UserError(
            f"{checkpoint} is an exported backbone; 'test' takes a .pth file that a training wrote"
        )
    cfg.load_from, cfg.resume = str(checkpoint), False
    with _logged(), config_keys.named_by_config(cfg):
        runner = build_runner(cfg)
        held = load_from_disk(str(checkpoint))
        refuse(checkpoint, misfits(runner.model, held.get("state_dict", held)))
        return dict(runner.test())
