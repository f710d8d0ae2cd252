"""A backbone in numbers, from the network: parameters, MACs, channels and strides."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from backbones.published import PUBLISHED
from backbones.registry import build, info, names
from tricklift.errors import UserError


def describe(name: str, input_size: int | None = None, **options: Any) -> dict[str, Any]:
    """Describe a backbone with a 1000-way head; nothing is computed, only counted.

    Args:
        name: A name from `backbones.names`.
        input_size: Side of the square input in pixels; None is the family's own.
        **options: The backbone's options.

    Returns:
        ``name``, ``params``, ``macs`` (multiply-accumulates of convolutions and linear layers for
        one image of ``input_size``), ``input_size``, ``channels`` and ``strides`` of the stages,
        ``built_in``, ``paper``, ``source``, ``published_top1`` and ``published_source`` (None if
        not at hand).

    Raises:
        UserError: Unknown name or option.
    """
    entry = info(name)
    size = entry.input_size if input_size is None else input_size
    if size < 1:
        raise UserError(f"input_size must be at least 1 pixel, got {size}")
    with torch.device("meta"):
        network: Any = build(name, **options).eval()
        image = torch.empty(1, 3, size, size)
    # Norms have no MACs in this count; saying so here saves torch from taking each one apart.
    free = {torch.ops.aten._native_batch_norm_legit_no_training: lambda *_, **__: 0}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=free) as counter:
        network(image)
    published = PUBLISHED.get(name)
    return {
        "name": name,
        "params": sum(p.numel() for p in network.parameters()),
        "macs": counter.get_total_flops() // 2,
        "input_size": size,
        "channels": list(network.feature_info.channels),
        "strides": list(network.feature_info.strides),
        "built_in": list(entry.built_in),
        "paper": entry.paper,
        "source": entry.source,
        "published_top1": published.top1 if published else None,
        "published_source": published.source if published else None,
    }


def describe_all(
    each: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """`describe` of every backbone, in the order of `backbones.names`.

    Args:
        each: Gets how many are done, and of how many, after each.
    """
    found, every = [], names()
    for name in every:
        found.append(describe(name))
        each(len(found), len(every))
    return found
