"""What is refused before the first step of a run, whatever command it was begun with.

Why: mmengine takes `train_cgf = dict(...)` for a variable of the file's own and trains without it.
With `drop_last`, a set smaller than one batch gives an empty data loader: its loop by epochs then
ends without a step and without a word, and schedules that count iterations fail by an assertion.
"""

import inspect
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from tricklift.errors import UserError

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


class StartChecks(Hook):
    """Refuses a run that would not do what its config says.

    Raises:
        UserError: A top-level name of a config with `benchmark` labels is misspelt, or there are
            too few images for one batch.
    """

    priority = "VERY_HIGH"

    def before_run(self, runner: Any) -> None:
        """Refuses a misspelt name in the config."""
        if "benchmark" in runner.cfg:
            check_top_level(runner.cfg)

    def before_train(self, runner: Any) -> None:
        """Refuses a training without a step."""
        check_steps(runner.train_dataloader)
