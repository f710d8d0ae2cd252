"""Misspelt names at the top level of a config.

mmengine takes `train_cgf = dict(...)` for a variable of the file's own and trains without it.
"""

import inspect
from typing import Any

from tricklift.errors import UserError

#: What is read from a config's top level beside what `Runner` takes: mmengine and its tools, ours.
OTHER_KEYS = (
    *("activation_checkpointing", "compile", "custom_imports", "efficient_conv_bn_eval"),
    *("find_unused_parameters", "model_wrapper_cfg", "runner_type", "sync_bn", "tta_model"),
    *("benchmark", "row", "tricks", "warmup_epochs"),
)
#: A shorter key is one slip away from too many words.
MIN_LETTERS = 5


def check_top_level(cfg: Any) -> None:
    """Refuses a top-level name of a config's file that is one slip away from a key that is read.

    Other names are variables indeed (`data_root`, `train_pipeline`), and so are those that begin
    with `_`.

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
    from mmengine.runner import Runner

    names = inspect.signature(Runner.__init__).parameters
    return [name for name in names if name not in ("self", "cfg")]
