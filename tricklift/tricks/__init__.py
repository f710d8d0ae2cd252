"""Tricks by name: each is one file in `configs/_base_/tricks`, or one of your own.

A leaf config turns tricks on in one line, anywhere in it:

    tricks = use("resnet_d", "warmup", "cosine")

`--tricks ema,mixup` on the command line does the same as two more names in that line (or, where the
config has no such line, as one at its end). In both places, a name of `GROUPS` stands for all of
its members, and `path/to/trick.py` for a trick of your own; the resolved config holds the names.

A trick's file is a piece of config that sees the config so far as `base`, so that it can build on
it (cosine reads how long the warmup is). Two tricks that set the same key differently are refused.
Three names in a trick's file stay out of the config: `tasks = ("det",)` says that it is not for
every task, `already` whether `base` does what it is for in another way than by its keys, and
`after = "cosine"` where a trick of your own is laid (by default behind mixup, before the schedule).

`names` knows them all, `laying` lays them over a config, `refusals` has what it refuses; `lengths`
keeps schedules as long as the training, and `networks` has the variants of ResNet.

The names are there at once, for lists and for shells that complete them; the rest is imported when
it is asked for, since mmengine, and torch with it, takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tricklift.tricks.names import described, known

if TYPE_CHECKING:
    from tricklift.tricks.laying import lay, load, use
    from tricklift.tricks.networks import refuse_other_network, variant

#: Name -> the module that has it.
_LATER = {
    **dict.fromkeys(("lay", "load", "use"), "laying"),
    **dict.fromkeys(("refuse_other_network", "variant"), "networks"),
}

__all__ = [
    "described",
    "known",
    "lay",
    "load",
    "refuse_other_network",
    "use",
    "variant",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
