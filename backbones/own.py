"""Networks of one's own: `register_backbone` takes any classifier, and makes it a `Backbone`.

What a factory gives may be a `Backbone` already (a `StagedNet`, or a class of one's own), a network
that returns a list of maps (timm's ``features_only``), or any classifier, of which one says where
its stages end. The last two are adapted (`backbones.adapted`); what they have in channels, strides
and parts is found by running them, never asked for.
"""

import inspect
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from backbones.adapt import adapt
from backbones.features import Backbone
from backbones.initialisation import initialise, start_gammas
from backbones.last_norms import last_norms
from backbones.registry import OWN, TIMM, BackboneInfo, add
from tricklift.errors import UserError

#: Options that provided configs and tricks set, with what they are where nobody says.
COMMON: dict[str, Any] = {"output_stride": 32, "init": OWN, "zero_gamma": False}


def register_backbone(
    name: str,
    factory: Callable[..., nn.Module],
    *,
    stages: Sequence[str] = (),
    classifier: str | None = None,
    input_size: int = 224,
    built_in: Sequence[str] = (),
    paper: str = "",
    source: str = "",
) -> None:
    """Make a network of one's own known under a name, for every command and config.

    Args:
        name: Letters, digits, ``_`` and ``.``; rows and folders take it.
        factory: Called with ``num_classes`` (where it takes that) and those of ``output_stride``,
            ``init`` and ``zero_gamma`` that it takes by name; the others are done here. What else
            it takes by keyword alone is an option of the backbone.
        stages: Of a classifier: paths of the modules whose outputs are the maps to hand on, such as
            ``("layer1", "layer2", "layer3", "layer4")``.
        classifier: Path of its last linear layer, if that is not the last one with ``num_classes``.
        input_size: Side of an image in pixels that it takes.
        built_in: See `BackboneInfo`.
        paper: Authors, title, venue.
        source: Where it comes from.

    Raises:
        UserError: A name that is taken, or that a row cannot have.
    """
    if not re.fullmatch(r"[A-Za-z][\w.]*", name):
        raise UserError(
            f"register_backbone: {name!r} cannot be a name (letters, digits, _ and . alone; "
            f"{TIMM}NAME is timm's); take another"
        )
    file = sys._getframe(1).f_globals.get("__file__", "?")
    made = _made(name, factory, tuple(stages), classifier, input_size, tuple(built_in))
    entry = BackboneInfo(name, OWN, paper, source or str(file), made, input_size, tuple(built_in))
    add(entry, where=str(file))


def _made(
    name: str,
    factory: Callable[..., nn.Module],
    stages: tuple[str, ...],
    classifier: str | None,
    input_size: int,
    built_in: tuple[str, ...],
) -> Callable[..., Backbone]:
    """A factory of the contract, out of one's own."""
    taken = inspect.signature(factory).parameters
    more = {
        key: parameter
        for key, parameter in taken.items()
        if key in COMMON or (parameter.kind is parameter.KEYWORD_ONLY and key != "num_classes")
    }
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in taken.values())
    counts = "num_classes" in taken or any_keyword

    def build(num_classes: int, **options: Any) -> Backbone:
        asked = COMMON | {k: p.default for k, p in more.items()} | options
        passed = {key: value for key, value in options.items() if key in more}
        given = factory(**({"num_classes": num_classes} if counts else {}), **passed)
        stride = 32 if "output_stride" in more else asked["output_stride"]
        network = adapt(name, given, num_classes, stages, classifier, input_size, stride)
        if "init" not in more and asked["init"] != OWN:
            _check_init(name, asked["init"])
            initialise(network, asked["init"])
        always = "zero_gamma" in built_in and "zero_gamma" not in options
        if "zero_gamma" not in more and not always:
            last = _last(network, build, name, input_size) if asked["zero_gamma"] else []
            start_gammas(network, last)
        return network

    keywords = {key: p.default for key, p in more.items()}
    build.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("num_classes", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(
                inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value)
                for key, value in (COMMON | keywords).items()
            ),
        ]
    )
    return build


def _check_init(name: str, init: Any) -> None:
    if init not in ("xavier", "kaiming"):
        raise UserError(f"{name}: init must be {OWN!r}, 'xavier' or 'kaiming'; got {init!r}")


def _last(network: Backbone, build: Any, name: str, input_size: int) -> list[str]:
    """Paths of the norms that zero-gamma starts at 0, at least one."""
    with torch.device("meta"):
        found = last_norms(build(1), input_size)
    if not found:
        raise UserError(
            f"zero_gamma is not defined for {name}: no residual block of it ends in a norm; leave "
            "zero_gamma out, or take it as an option of your factory"
        )
    return found
