"""What follows from the backbone is filled into the config of the rest of a model."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from tricklift.errors import UserError


def filled(config: Mapping[str, Any], where: str, **values: Any) -> dict[str, Any]:
    """A copy of `config` in which keys that are missing or None have the given values.

    Args:
        config: Part of a model's config, e.g. ``neck``.
        where: Its place in the config, for the message.
        **values: What follows from the backbone.

    Raises:
        UserError: The config sets one of them to something else.
    """
    result: Any = copy(config)
    for key, value in values.items():
        given = config.get(key)
        if given is not None and given != value:
            raise UserError(
                f"model.{where}.{key} is {given!r}, but the backbone says {value!r}; "
                "leave it out: it is filled in from model.backbone"
            )
        result[key] = value
    return result
