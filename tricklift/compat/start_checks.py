"""What is refused before the first step of a run, whatever command it was begun with.

Why: mmengine takes `train_cgf = dict(...)` for a variable of the file's own and trains without it.
With `drop_last`, a set smaller than one batch gives an empty data loader: its loop by epochs then
ends without a step and without a word, and schedules that count iterations fail by an assertion.
A pipeline that normalises, before a model that does so too, trains on values near zero.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner

from tricklift.errors import UserError
from tricklift.records.data_identity import leaves_of
from tricklift.records.finished import refuse_to_replace

#: What is read from a config's top level beside what `Runner` takes: mmengine and its tools, ours.
OTHER_KEYS = (
    *("activation_checkpointing", "compile", "custom_imports", "efficient_conv_bn_eval"),
    *("find_unused_parameters", "model_wrapper_cfg", "runner_type", "sync_bn", "tta_model"),
    *("benchmark", "row", "tricks", "warmup_epochs", "allow_other_world_size", "imports"),
    "allow_other_recipe",
)
#: A shorter key is one slip away from too many words.
MIN_LETTERS = 5


def check_top_level(cfg: Any) -> None:
    """Refuses a top-level name of a config that is one slip away from a key that is read.

    Other names, and those that begin with `_`, are variables.

    Raises:
        UserError: Such a name, with the key that it is close to.
    """
    known = {*runner_keys(), *OTHER_KEYS}
    for name in sorted(set(cfg.keys()) - known):
        meant = next((key for key in sorted(known) if one_slip(name, key)), None)
        if meant is None or name.startswith("_") or len(meant) < MIN_LETTERS:
            continue
        raise UserError(
            f"config {getattr(cfg, 'filename', None) or ''}: nothing reads {name!r}; did you mean "
            f"{meant!r}? (a variable of your own needs a name that is less like it, such as "
            f"'_{name}')"
        )


def one_slip(given: str, meant: str) -> bool:
    """Whether the words differ in one letter (added, left out, another) or two swapped ones."""
    same = 0
    while same < min(len(given), len(meant)) and given[same] == meant[same]:
        same += 1
    one, other = given[same:], meant[same:]
    swapped = one[:2][::-1] + one[2:]
    return other in (one[1:], swapped) or other[1:] in (one, one[1:])


def runner_keys() -> list[str]:
    """What `Runner` takes from the top level of a config."""
    names = inspect.signature(Runner.__init__).parameters
    return [name for name in names if name not in ("self", "cfg")]


def check_steps(loader: Any) -> None:
    """Refuses a training loader that gives no batch; one that never ends always gives some.

    Args:
        loader: Of this process, as mmengine's Runner builds it.

    Raises:
        UserError: It is empty; names the images, the batch size and the processes.
    """
    batches: Any = getattr(loader, "batch_sampler", None)
    sampler = getattr(batches, "sampler", None)
    if sampler is None or isinstance(sampler, InfiniteSampler) or len(loader) > 0:
        return
    images, world, each = len(loader.dataset), get_world_size(), len(sampler)
    smaller = f"set train_dataloader.batch_size to {each} at the most, or " if each else ""
    raise UserError(
        f"the training would end before its first step: {images} images on {world} "
        f"process{'es' if world > 1 else ''} ({each} on each) make no batch of "
        f"{batches.batch_size}; {smaller}give train_dataloader.dataset more images"
    )


def check_normalised_once(sets: Mapping[str, Any], preprocessor: Any) -> None:
    """Refuses a pipeline with a `Normalize` before a preprocessor that normalises too.

    Args:
        sets: Which set -> its data set; those around other sets (concatenated, repeated) too.
        preprocessor: The model's.

    Raises:
        UserError: Images would be normalised twice; names the set.
    """
    if not getattr(preprocessor, "_enable_normalize", hasattr(preprocessor, "mean")):
        return
    for name, data in sets.items():
        for leaf in leaves_of(data):
            steps = getattr(getattr(leaf, "pipeline", None), "transforms", ())
            if any(type(step).__name__ == "Normalize" for step in steps):
                raise UserError(
                    f"{name}_dataloader.dataset.pipeline has Normalize, and "
                    "model.data_preprocessor normalises too: images would be normalised twice; "
                    "take Normalize off the pipeline"
                )


class StartChecks(Hook):
    """Refuses a run that would not do what its config says.

    Raises:
        UserError: A config with `benchmark` labels misspells a top-level name, or normalises images
            twice; there are too few images for one batch; or the work dir holds a run that this one
            would replace.
    """

    priority = "VERY_HIGH"

    def before_run(self, runner: Any) -> None:
        """Refuses a misspelt name in the config, and images that are normalised twice."""
        if "benchmark" not in runner.cfg:
            return
        check_top_level(runner.cfg)
        loops = {name: getattr(runner, f"_{name}_loop") for name in ("train", "val", "test")}
        sets = {
            n: loop.dataloader.dataset for n, loop in loops.items() if isinstance(loop, BaseLoop)
        }
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        check_normalised_once(sets, getattr(model, "data_preprocessor", None))

    def before_train(self, runner: Any) -> None:
        """Refuses a training without a step, and one that would replace another."""
        check_steps(runner.train_dataloader)
        if is_main_process() and runner.iter == 0:
            refuse_to_replace(runner.work_dir, runner.cfg, resumes=runner._resume)
