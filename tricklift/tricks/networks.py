"""Tricks that choose the network: ResNet's variants."""

import re

from mmengine.config import Config

from tricklift.errors import UserError

#: Tricks that choose the network: another one by name would undo them.
CHOOSES = ("resnet_b", "resnet_c", "resnet_d")


def variant(name: str, letter: str) -> str:
    """The name of a ResNet's variant (b, c, d) in the place of another, e.g. of `resnet50_a`.

    Raises:
        UserError: The network has no such variants.
    """
    stem = re.fullmatch(r"(.+)_[a-d]", name)
    if stem is None:
        raise UserError(
            f"trick 'resnet_{letter}' is for networks whose names end in _a, _b, _c or _d; the "
            f"config's backbone is {name!r}"
        )
    return f"{stem[1]}_{letter}"


def refuse_other_network(cfg: Config, name: str, where: object) -> None:
    """Refuse a backbone in the place of the one that the config's tricks have chosen.

    Args:
        cfg: With its tricks, as `load` gives it.
        name: Of the backbone that is to take the place of the config's own.
        where: Which config, for the message.

    Raises:
        UserError: It is another network than the one of a trick in `CHOOSES`; names the trick.
    """
    choosing = [trick for trick in cfg.get("tricks") or () if trick in CHOOSES]
    if choosing and (own := cfg.model.backbone.name) != name:
        raise UserError(
            f"{where} chooses its network by the trick {', '.join(choosing)}, which another "
            f"backbone would undo ({name} for {own}); take a config and tricks without it, or its "
            "own network"
        )
