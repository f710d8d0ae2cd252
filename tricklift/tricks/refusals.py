"""What laying tricks refuses: those that contradict one another, or lines that would be lost."""

from collections.abc import Mapping
from typing import Any

from tricklift.errors import UserError

#: Lists that a later trick extends instead of setting them: it reads what stands in `base`.
EXTENDED = ("param_scheduler", "custom_hooks", "imports")


def check_base(base: Mapping[str, Any]) -> None:
    """Refuse a base with tricks of its own.

    A trick reads what stands below it (mixup lengthens what cosine then fills), so tricks of two
    layers would not build on one another in the right order.

    Raises:
        UserError: Naming the tricks that are on.
    """
    if before := list(base.get("tricks") or ()):
        raise UserError(
            f"the config below has tricks already ({', '.join(before)}); lay all tricks over the "
            "baseline in one line: tricks = use(...)"
        )


def settled(
    name: str, piece: Mapping[str, Any], own: Mapping[str, Any], base: Mapping[str, Any]
) -> dict[str, Any]:
    """A trick's piece with the values that the config's own lines choose for it.

    Args:
        name: Of the trick.
        piece: What it sets.
        own: Dotted keys and values of the config's lines.
        base: What stands below the config. A line that sets what is there already, and that the
            trick changes too, could mean two things.

    Raises:
        UserError: Such a line; names the key and both values.
    """
    return _settled(name, piece, own, dict(leaves(base)), "")


def _settled(
    name: str,
    piece: Mapping[str, Any],
    own: Mapping[str, Any],
    known: Mapping[str, Any],
    prefix: str,
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for part, value in piece.items():
        key = f"{prefix}{part}"
        anew = isinstance(value, Mapping) and value.get("_delete_")
        lost = [k for k in own if k.startswith(f"{key}.") and (anew or not isinstance(value, dict))]
        if key in own and (isinstance(value, Mapping) or (own[key] != value and key in known)):
            lost.append(key)
        if lost and key not in EXTENDED:
            given = ", ".join(f"{k} = {own[k]!r}" for k in lost)
            raise UserError(
                f"trick {name!r} sets {key} to {value!r}, and this config has {given} of its own; "
                "leave one out, or set it with --cfg-options or in a config over this one"
            )
        if isinstance(value, Mapping):
            result[part] = _settled(name, value, own, known, f"{key}.")
        else:
            result[part] = value if key in EXTENDED else own.get(key, value)
    return result


def refuse_clashes(name: str, piece: dict[str, Any], set_by: dict[str, tuple[str, Any]]) -> None:
    """Note every key that a trick sets, and refuse one that another trick set differently.

    Raises:
        UserError: Naming both tricks, the key and the values.
    """
    for key, value in leaves(piece):
        other, before = set_by.get(key, (name, value))
        if before != value and key not in EXTENDED:
            raise UserError(
                f"tricks {other!r} and {name!r} cannot be combined: both set {key} "
                f"({before!r} and {value!r}); leave one out"
            )
        set_by[key] = (name, value)


def leaves(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The values in nested dicts with their dotted keys."""
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += leaves(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found
