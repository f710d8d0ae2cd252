"""Whether a checkpoint is of a model.

Why: mmengine loads what fits and only logs the rest, so a wrong file would pass as random weights.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn

from tricklift.errors import UserError

_SHOWN = 5


def misfits(model: nn.Module, state: Mapping[str, Any]) -> list[str]:
    """The model's keys that a state dict lacks or holds in another shape, with the reason."""
    inner: Any = model.module if is_model_wrapper(model) else model
    wanted = inner.state_dict()
    missing = [f"{key} (missing)" for key in wanted if key not in state]
    return missing + [
        f"{key} ({tuple(state[key].shape)} for {tuple(value.shape)})"
        for key, value in wanted.items()
        if key in state and getattr(state[key], "shape", value.shape) != value.shape
    ]


def refuse(checkpoint: object, found: Sequence[str]) -> None:
    """Stop where something does not fit.

    Args:
        checkpoint: Which, for the message.
        found: Of `misfits`, those that count.

    Raises:
        UserError: There are any; names the first of them.
    """
    if found:
        raise UserError(
            f"checkpoint {checkpoint} is not of this model: {len(found)} keys do not fit: "
            f"{', '.join(found[:_SHOWN])}{', ...' if len(found) > _SHOWN else ''}; test or resume "
            "with the config (and --backbone) that it was trained with; to start from a backbone's "
            "weights alone, export it and give the file to --pretrained"
        )
