"""Names of backbones, and how a name becomes a network.

A family file registers its networks with `register`; everybody else asks `build`, `names`, `info`.
"""

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_args

from backbones.features import Backbone
from tricklift.errors import UserError, did_you_mean


@dataclass(frozen=True)
class BackboneInfo:
    """What is known of a backbone without building it.

    Attributes:
        name: Registered name, e.g. ``resnet50_d``.
        family: The file's family, e.g. ``resnet``.
        paper: Authors, title, venue.
        source: Where the numbers and details come from (arXiv id, section, code).
        factory: Takes ``num_classes`` and the family's options, returns the network.
        input_size: Side of the square input in pixels that MACs are counted at.
        built_in: Options that are on by default, since the network is published with them and does
            not train without. Its rows and results say so.
    """

    name: str
    family: str
    paper: str
    source: str
    factory: Callable[..., Backbone]
    input_size: int = 224
    built_in: tuple[str, ...] = ()

    @property
    def options(self) -> list[str]:
        """Names of the options that `build` accepts for this backbone."""
        found: list[str] = []
        for parameter in inspect.signature(self.factory).parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:  # **common: Unpack[Common]
                found = [*get_args(parameter.annotation)[0].__annotations__, *found]
            elif parameter.kind is parameter.KEYWORD_ONLY:
                found.append(parameter.name)
        bound = getattr(self.factory, "keywords", {})
        return [name for name in dict.fromkeys(found) if name not in bound]


#: Entry point group of packages that register backbones when they are imported.
GROUP = "tricklift.backbones"
_REGISTRY: dict[str, BackboneInfo] = {}
#: Names of users' own -> the file that registered it.
_OWN: dict[str, str] = {}
#: Prefix of names that are known without being registered -> what describes such a name.
_PREFIXES: dict[str, Callable[[str], BackboneInfo]] = {}
#: Stands before the names of timm's networks, all of which are known, listed or not.
TIMM = "timm/"
#: The family of networks of users' own.
OWN = "own"


def register(
    family: str,
    paper: str,
    source: str,
    factories: Mapping[str, Callable[..., Backbone]],
    **known: Any,
) -> None:
    """Add the networks of a family; see `BackboneInfo`. A name can be taken once."""
    for name, factory in factories.items():
        assert name not in _REGISTRY, f"{name} is registered twice"
        _REGISTRY[name] = BackboneInfo(name, family, paper, source, factory, **known)


def add(entry: BackboneInfo, where: str) -> None:
    """Add a network of a user's own.

    Args:
        entry: Of it.
        where: The file that registers it, which may do so again.

    Raises:
        UserError: The name is taken.
    """
    refuse_taken(entry.name, where)
    _REGISTRY[entry.name], _OWN[entry.name] = entry, where


def refuse_taken(name: str, where: str) -> None:
    """Refuse a name that another file than `where` has registered."""
    if name in _REGISTRY and _OWN.get(name) != where:
        taken = f"by {_OWN[name]}" if name in _OWN else "by a backbone of tricklift"
        raise UserError(f"{where or 'new'}: the name {name!r} is taken {taken}; choose another")


@cache
def _plugins() -> dict[str, str]:
    """Import what packages have in the entry point group; package -> why it could not be."""
    failed = {}
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist else point.value
        try:
            point.load()
        except Exception as error:  # somebody else's package must not stop a run without it
            failed[package] = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"the backbones of {package} could not be imported ({error})", stacklevel=2
            )
    return failed


def register_prefix(prefix: str, describe: Callable[[str], BackboneInfo]) -> None:
    """Ask `describe` about names that begin with `prefix` and are not registered."""
    _PREFIXES[prefix] = describe


def names() -> list[str]:
    """All registered names, in the order in which the families register them."""
    _plugins()
    return list(_REGISTRY)


def info(name: str) -> BackboneInfo:
    """What is known of the backbone `name`, registered or any of timm.

    Raises:
        UserError: There is no such backbone; the message names close matches and all names.
    """
    if name in _REGISTRY:
        return _REGISTRY[name]
    for prefix, describe in _PREFIXES.items():
        if str(name).startswith(prefix):
            return describe(name)
    failed = _plugins()
    if name in _REGISTRY:
        return _REGISTRY[name]
    hint = did_you_mean(name, _REGISTRY)
    broken = "".join(f"; of {package}, not imported: {why}" for package, why in failed.items())
    raise UserError(
        f"unknown backbone {name!r}; known: {', '.join(_REGISTRY)}{hint}{broken} (one of "
        "your own is known once its file is: --import FILE.py)"
    )


def build(
    name: str, num_classes: int = 1000, checkpoint: str | Path | None = None, **options: Any
) -> Backbone:
    """Build a classifier by name.

    Args:
        name: A registered name, see `names`, or any ``timm/NAME``.
        num_classes: Width of the last layer; at least 1.
        checkpoint: Pretrained weights, as `backbones.checkpoint.load_pretrained` takes them: a
            file, ``timm/NAME``, ``hf://USER/NAME``, ...; None for random ones. A head of another
            number of classes is left out, with a warning.
        **options: The family's options, e.g. ``width``, ``output_stride``, ``zero_gamma``.

    Returns:
        The network, in training mode, with the name and options that it was built with.

    Raises:
        UserError: Unknown name or option, a value that the family does not allow, or weights that
            do not fit.
        MissingFileError: No such weights.
    """
    entry = info(name)
    unknown = sorted(set(options) - set(entry.options))
    if unknown:
        raise UserError(
            f"unknown option {', '.join(map(repr, unknown))} for backbone {name!r}; "
            f"allowed: {', '.join(entry.options)}"
        )
    if num_classes < 1:
        raise UserError(f"num_classes must be at least 1, got {num_classes}")
    model = entry.factory(num_classes, **options)
    model.name, model.options = name, dict(options)
    model.built_in = tuple(trick for trick in entry.built_in if trick not in options)
    if checkpoint is not None:
        from backbones.checkpoint import load_pretrained, without_head  # they build networks

        if why := without_head(model, load_pretrained(model, checkpoint)):
            warnings.warn(why, stacklevel=2)
    return model
