"""What `use` refuses: tricks that contradict one another, or lines that would be lost."""

from collections.abc import Mapping
from typing import Any

from tricklift.errors import UserError

#: Lists that a later trick extends instead of setting them: it reads what stands in `base`.
EXTENDED = ("param_scheduler", "custom_hooks")


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
            "baseline in one line: use(_base_, ...)"
        )


def refuse_lost_lines(lines: Mapping[str, Any], update: Mapping[str, Any]) -> None:
    """Refuse a leaf that sets a key above its `use` line which that line then replaces.

    Args:
        lines: What `lines_above` gives.
        update: What `use` is about to return.

    Raises:
        UserError: Naming the keys.
    """
    if lost := sorted(set(update) & set(lines)):
        raise UserError(
            f"this config sets {', '.join(lost)} above its use(...) line, which replaces it; set "
            f"single values below that line, such as {lost[0]}['key'] = value"
        )


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
