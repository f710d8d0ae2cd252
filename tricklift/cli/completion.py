"""What a shell completes: names of ours, from files alone, since torch takes seconds to import."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

from tricklift.errors import UserError
from tricklift.paths import config_root

Completer = Callable[[str], list[str]]
#: The names of `backbones.names()`, which a test holds equal; `list backbones --out` writes it.
BACKBONES = Path(__file__).with_name("backbone_names.txt")


def _or_files(names: Iterable[str], begun: str, *endings: str) -> list[str]:
    """Those that begin so; and where none does, files of the user's, and folders on the way."""
    found = [name for name in names if name.startswith(begun)]
    if found:
        return found
    here = Path(begun) if begun.endswith("/") else Path(begun).parent
    prefix = begun[: begun.rfind("/") + 1]
    inside = sorted(here.iterdir()) if here.is_dir() else []
    words = [prefix + one.name + "/" * one.is_dir() for one in inside if one.name[0] != "."]
    return [word for word in words if word.startswith(begun) and word.endswith((*endings, "/"))]


def _listed(complete: Completer) -> Completer:
    """Of an option such as `a,b`: the last name, behind those that stand."""

    def last(begun: str) -> list[str]:
        head, comma, tail = begun.rpartition(",")
        return [head + comma + name for name in complete(tail)]

    return last


def _configs(begun: str) -> list[str]:
    from tricklift.configs import short_names

    return _or_files(short_names(), begun, ".py")


def tier_names() -> list[str]:
    """The provided tiers, and `own`, which is made of data of one's own."""
    return [*sorted(file.stem for file in (config_root() / "tiers").glob("*.yaml")), "own"]


def _tiers(begun: str) -> list[str]:
    return _or_files(tier_names(), begun, ".yaml", ".yml")


def _tricks(begun: str) -> list[str]:
    from tricklift.tricks.names import GROUPS, known

    return _or_files([*known(), *GROUPS], begun, ".py")


def _backbones(begun: str) -> list[str]:
    names = BACKBONES.read_text(encoding="utf-8").split()
    return [name for name in names if name.startswith(begun)]


def _datasets(begun: str) -> list[str]:
    from tricklift.data.prepare import NAMES

    return [name for name in NAMES if name.startswith(begun)]


def _trackers(begun: str) -> list[str]:
    from tricklift.log_to import BACKENDS

    return [name for name in BACKENDS if name.startswith(begun)]


def _tables(begun: str) -> list[str]:
    from tricklift.paper.table_cells import CELLS

    return [name for name in dict.fromkeys(cell.table for cell in CELLS) if name.startswith(begun)]


def _references(begun: str) -> list[str]:
    from tricklift.tables.reference import names

    return [name for name in names() if name.startswith(begun)]


def _of_tier(names: Callable[[Any], Iterable[str]]) -> Any:
    """Names of the tier that stands on the line, of an option such as `a,b`."""

    def completed(ctx: typer.Context, incomplete: str) -> list[str]:
        from tricklift.suite.tier_file import read

        # an option without its value ends the parsing: the words before it are left
        tier = ctx.params.get("tier") or next(iter(ctx.args), "")
        try:
            known = list(names(read(str(tier))))
        except UserError:  # none stands there, or none that there is
            return []
        return _listed(lambda begun: [name for name in known if name.startswith(begun)])(incomplete)

    return completed


def _of_typer(complete: Completer) -> Any:
    """As typer calls it: by the names of its parameters."""

    def completed(incomplete: str) -> list[str]:
        return complete(incomplete)

    return completed


config = _of_typer(_configs)
tier = _of_typer(_tiers)
tricks = _of_typer(_listed(_tricks))
backbone = _of_typer(_backbones)
backbones = _of_typer(_listed(_backbones))
dataset = _of_typer(_datasets)
trackers = _of_typer(_listed(_trackers))
tables = _of_typer(_listed(_tables))
reference = _of_typer(_references)
rows = _of_tier(lambda tier: tier.row_names())
heads = _of_tier(
    lambda tier: dict.fromkeys(word for head in tier.heads for word in (head.name, head.task))
)
