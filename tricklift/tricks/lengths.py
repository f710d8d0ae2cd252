"""Keeps warmup and cosine as long as they should be where a training's length is set after them.

Both tricks take their lengths, in epochs, from `warmup_epochs` and `train_cfg.max_epochs` of what
stands above them in a config. A rate whose decay ends at another epoch than the training spoils a
run without a word.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from tricklift.errors import UserError

#: What sets the lengths.
KEYS = ("train_cfg.max_epochs", "warmup_epochs")


def scheduled(cfg: Config) -> Iterator[tuple[str, dict[str, Any], int, int]]:
    """Trick, its scheduler, and the epochs in which that should begin and end.

    A cosine that the training does not reach, for all of it is warmup, is passed over.
    """
    tricks = cfg.get("tricks") or ()
    for scheduler in cfg.get("param_scheduler") or ():
        if "warmup" in tricks and scheduler["type"] == "LinearLR":
            yield "warmup", scheduler, 0, cfg.warmup_epochs
        if "cosine" in tricks and scheduler["type"] == "CosineAnnealingLR":
            begin = cfg.warmup_epochs if "warmup" in tricks else scheduler["begin"]
            if begin < cfg.train_cfg.max_epochs:
                yield "cosine", scheduler, begin, cfg.train_cfg.max_epochs


def refuse_others(cfg: Config) -> None:
    """Refuses a config that sets a length below its `use` line, where the tricks do not see it.

    Raises:
        UserError: Naming the trick and both lengths.
    """
    for trick, scheduler, begin, end in scheduled(cfg):
        if (scheduler["begin"], scheduler["end"]) != (begin, end):
            raise UserError(
                f"trick {trick!r} goes from epoch {scheduler['begin']} to {scheduler['end']}, but "
                f"{' and '.join(KEYS)} of this config ask for {begin} to {end}; set them above its "
                "use(...) line, or begin and end in param_scheduler with them"
            )


def follow(cfg: Config, options: Mapping[str, Any]) -> None:
    """Changes warmup and cosine to lengths that `--cfg-options` have set.

    Options that set schedulers themselves are left as they are.
    """
    if any(key in options for key in KEYS) and not any("param_scheduler" in key for key in options):
        for _, scheduler, begin, end in scheduled(cfg):
            scheduler["begin"], scheduler["end"] = begin, end
