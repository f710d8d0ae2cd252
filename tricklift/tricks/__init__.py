"""Tricks by name: each is one file in `configs/_base_/tricks`; `use` lays them over a config.

A leaf config turns tricks on in one line, after its `_base_`:

    globals().update(use(_base_, "resnet_d", "warmup", "cosine"))

`--tricks ema,mixup` on the command line does the same as two more names in that line (or, where the
config has no such line, as one at its end). In both places, a name of `GROUPS` stands for all of
its members; the resolved config holds the members.

A trick's file is a piece of config that sees the config so far as `base`, so that it can build on
it (cosine reads how long the warmup is). Two tricks that set the same key differently are refused.
Two names in a trick's file stay out of the config: `tasks = ("det",)` says that it is not for every
task, and `already` whether `base` does what it is for in another way than by its keys.

`names` knows them all, `lay` lays them over a config, `refusals` has what it refuses; `lengths`
keeps schedules as long as the training, and `networks` has the variants of ResNet.
"""

from tricklift.tricks.lay import load, use
from tricklift.tricks.names import described, known, split_names
from tricklift.tricks.networks import refuse_other_network, variant

__all__ = [
    "described",
    "known",
    "load",
    "refuse_other_network",
    "split_names",
    "use",
    "variant",
]
