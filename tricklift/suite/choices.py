"""What a plan is asked for: rows, networks, tables, tricks and a teacher, checked and found.

Nothing here is slow to import unless tricks or networks are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tricklift.configs import find_config
from tricklift.errors import MissingFileError, UserError, did_you_mean
from tricklift.paper.table_cells import cells
from tricklift.suite.tiers import DOWNSTREAM, NO_PRETRAINING, Head, Network, Row, Tier, Weights


def check_backbones(tier: Tier, file: object) -> None:
    """Refuses a backbone of a tier file that there is not.

    Raises:
        UserError: Says the file, and the closest name.
    """
    import backbones  # slow to import

    names = [row.backbone for row in (*tier.rows, *tier.teachers.values())]
    names += [row.backbone for row in tier.weights]
    names += [*tier.random_init, *(network.name for network in tier.networks)]
    for name in dict.fromkeys(names):
        try:
            backbones.info(name)
        except UserError as error:
            raise UserError(f"{file}: {error}") from None


@dataclass(frozen=True)
class Random:
    """A row without pretraining, of a backbone; None: of the network in its place."""

    backbone: str | None = None
    name: str = NO_PRETRAINING


def chosen_rows(
    tier: Tier,
    names: Sequence[str] | None,
    tables: Sequence[str] | None,
    networks: Sequence[Network | None],
) -> list[Row | Weights | Random]:
    """The rows that were asked for, in the tier's order; without pretraining comes last.

    Raises:
        UserError: A row that the tier does not have, or none that is left.
    """
    known = tier.row_names()
    for name in names or ():
        if name not in known:
            hint = did_you_mean(name, known)
            raise UserError(f"unknown row {name!r}; the tier has {', '.join(known)}{hint}")
    swapped = networks[0] is not None
    every: list[Row | Weights | Random] = [*tier.rows]
    every += [] if swapped and names is None else tier.weights
    if swapped:
        every += [Random()] if tier.random_init or names else []
    else:
        every += [Random(backbone, name) for name, backbone in tier.random_rows().items()]
    asked = set(names or ())
    found = [
        row
        for row in every
        if names is None
        or row.name in asked
        or (isinstance(row, Random) and NO_PRETRAINING in asked)
    ]
    for row in found if swapped else ():
        if isinstance(row, Weights):
            raise UserError(
                f"--backbones: row {row.name!r} starts from weights of {row.backbone}; leave it out"
            )
    if NO_PRETRAINING in (names or ()) and not any(isinstance(row, Random) for row in found):
        raise UserError(
            f"the tier {tier.name} says no network for {NO_PRETRAINING!r}; name it by --backbones"
        )
    if tables is not None:
        configs = configs_of(tables)
        found = [row for row in found if isinstance(row, Row) and row.config in configs]
    if not found and tables is not None:
        filled = _tables_of(tier)
        has = f"it has rows of tables {', '.join(filled)}" if filled else "it has rows of none"
        raise UserError(
            f"--tables {','.join(tables)}: no row of the paper's tables {', '.join(tables)} among "
            f"those asked for in {tier.name}; {has}"
        )
    if not found:
        raise UserError(
            f"nothing to run: no row among those asked for in {tier.name}; ask for others"
        )
    return found


def _tables_of(tier: Tier) -> list[str]:
    """The paper's tables of which a tier has rows."""
    own = {row.config for row in tier.rows}
    known = dict.fromkeys(cell.table for cell in cells())
    return [table for table in known if own & configs_of([table])]


def refuse_unknown_jobs(names: Sequence[str], known: Sequence[str]) -> None:
    """Refuses a job of `--only` that is none of the known ones.

    Raises:
        UserError: Says the nearest, and some that there are.
    """
    for name in names:
        if name not in known:
            some = ", ".join(known[:3]) + ", ..." * (len(known) > 3)
            raise UserError(
                f"--only: no job {name!r} here{did_you_mean(name, known)}; there are {some} "
                "('tricklift plan' lists all)"
            )


def configs_of(tables: Sequence[str]) -> set[str]:
    """Short names of the configs of the paper's tables, and of the pretrainings that they need.

    Raises:
        UserError: The paper has no such table.
    """
    found = cells(*tables)
    return {name for cell in found for name in (cell.config, *cell.needs)}


def chosen_networks(tier: Tier, names: Sequence[str] | None) -> Sequence[Network | None]:
    """The networks that were asked for, as the tier knows them; None leaves the rows' own.

    Raises:
        UserError: There is no such network.
    """
    if names is None:
        return tier.networks or (None,)
    known = {network.key: network for network in tier.networks}
    for name in names:
        if name not in known:
            import backbones

            backbones.info(name)
    return [known.get(name, Network(name)) for name in dict.fromkeys(names)]


def by_task(tricks: Sequence[str], heads: Sequence[Head]) -> dict[str, tuple[str, ...]]:
    """Task -> the tricks that go over its configs: the pretraining's, where they are for it.

    Raises:
        UserError: An unknown trick, one named twice, or one that a config downstream cannot have.
    """
    found: dict[str, tuple[str, ...]] = {"cls": (), **dict.fromkeys(DOWNSTREAM, ())}
    if not tricks:
        return found
    from tricklift.tricks.names import check_names, tasks_of  # slow to import

    check_names((), tuple(tricks))
    for trick in tricks:
        allowed = tasks_of(trick)
        for task in ("cls",) if "cls" in allowed else allowed:
            found[task] += (trick,)
    for head in heads:
        if found[head.task]:
            loaded(head.config, (*head.tricks, *found[head.task]))
    return found


@lru_cache
def loaded(config: str, tricks: tuple[str, ...]) -> Any:
    """A config with tricks, read once; do not change it.

    Raises:
        UserError: It cannot have such a trick, or has it already.
    """
    from tricklift.tricks import load  # slow to import

    return load(find_config(config), tricks)


def checked_teacher(teacher: str | None, tricks: Sequence[str]) -> str | None:
    """The teacher of `--teacher`, a file with its whole path; None where nothing is distilled."""
    distils = "distillation" in tricks
    if not distils and teacher is None:
        return None
    from backbones import hub  # slow to import, as the next
    from backbones.libraries import is_reference
    from tricklift.train import TEACHERS

    if teacher is None:
        raise UserError(f"--tricks distillation needs --teacher: {TEACHERS}")
    if not distils:
        raise UserError(
            "--teacher is for --tricks distillation, which is not asked for; "
            "add it, or leave --teacher out"
        )
    if is_reference(teacher) or hub.is_address(teacher):
        return teacher
    if not Path(teacher).is_file():
        raise MissingFileError(f"--teacher: no file {teacher!r}; give {TEACHERS}")
    return str(Path(teacher).resolve())
