"""Which jobs a tier consists of: rows, networks, tricks and seeds become a graph of jobs.

Of each row: its teacher, its pretraining, its export, then detection and segmentation from it.
Nothing here is slow to import unless tricks or networks are asked for.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, product
from pathlib import Path
from typing import Any

from tricklift.compat import imports
from tricklift.configs import find_config
from tricklift.errors import MissingFileError, UserError, did_you_mean
from tricklift.paper.table_cells import cells
from tricklift.suite.jobs import Export, Job, Training
from tricklift.suite.tier_file import read
from tricklift.suite.tiers import (
    DOWNSTREAM,
    NO_PRETRAINING,
    Head,
    Network,
    Options,
    Row,
    Tier,
    Weights,
)


def plan(
    tier: str | Path | Tier,
    out: str | Path,
    seeds: Sequence[int] | None = None,
    downstream_seeds: Sequence[int] | None = None,
    rows: Sequence[str] | None = None,
    tricks: Sequence[str] = (),
    teacher: str | None = None,
    backbones: Sequence[str] | None = None,
    heads: Sequence[str] | None = None,
    tables: Sequence[str] | None = None,
    root: str | Path = "data",
) -> list[Job]:
    """The jobs of a tier, each after those that it needs.

    The first pass over the rows gives a whole table; the further downstream seeds follow.

    Args:
        tier: The name of a provided one, the path of a tier file, or what was read of it.
        out: Output folder.
        seeds: Of the pretrainings; None: the tier's.
        downstream_seeds: Of detection and segmentation, from each pretraining; None: the tier's,
            which are by default the pretraining's.
        rows: Names of rows, or `random-init`; None: all of the tier.
        tricks: Added to each pretraining config; those that are not for classification, to the
            downstream configs (nothing is pretrained again for them). Such runs stand beside those
            without, as `<row>+<trick>`. Teachers stay as they are. A path ending in `.py` is a
            trick of one's own.
        teacher: For the trick `distillation` among `tricks`: a file or `timm/NAME`.
        backbones: Each row is run with each of these instead of its own, as `<backbone>-<recipe>`;
            None: the tier's choice.
        heads: Names of heads, or `det`, `seg` for all of a task; None: all.
        tables: Numbers of the paper's tables: the rows and heads that fill their cells; None: all.
        root: Folder of the data sets, below which a tier's weights are.

    Raises:
        UserError: Unknown tier, row, head, table, trick or backbone, a trick that a row cannot have
            or has already, a trick of pretraining where nothing is pretrained, a row that chooses
            another network itself, a teacher without distillation or distillation without a
            teacher, no seeds or one given twice.
        MissingFileError: No such teacher, or tier file.
    """
    out, what = Path(out).resolve(), tier if isinstance(tier, Tier) else read(tier)
    if not what.provided:
        check_backbones(what, tier)
    seeds = what.seeds if seeds is None else seeds
    if downstream_seeds is None:
        downstream_seeds = what.downstream_seeds or None
    for given in (seeds, downstream_seeds):
        if given is not None and (not given or len(set(given)) != len(given) or min(given) < 0):
            raise UserError(f"seeds must be different whole numbers from 0, got {list(given)}")
    networks = chosen_networks(what, backbones)
    place = Place(what, out, Path(root).resolve(), what.chosen_heads(heads))
    chosen = chosen_rows(what, rows, tables, networks)
    if tables is not None:
        place = place.limited_to(configs_of(tables))
    if tricks:
        from tricklift.tricks.names import is_file, trick_file  # slow to import

        tricks = [str(trick_file(name)) if is_file(name) else name for name in tricks]
    teacher = _checked_teacher(teacher, tricks)
    laid = by_task(tricks, place.heads)
    if laid["cls"] and not any(isinstance(row, Row) for row in chosen):
        raise UserError(
            f"--tricks {','.join(laid['cls'])} goes over pretrainings, and the rows asked for have "
            f"none ({rows}); add a row to --rows ({', '.join(what.row_names())}) or leave the "
            "trick out"
        )
    passes = [(seed,) for seed in downstream_seeds] if downstream_seeds else [()]
    jobs: dict[str, Job] = {}
    for some, seed, row, network in product(passes, seeds, chosen, networks):
        for job in RowPlan(place, row, seed, some or (seed,), laid, network).jobs(teacher):
            jobs.setdefault(job.name, job)
    return list(jobs.values())


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
    if not found:
        of = f" of the paper's tables {', '.join(tables)}" if tables is not None else ""
        raise UserError(f"nothing to run: no row{of} among those asked for in {tier.name}")
    return found


def configs_of(tables: Sequence[str]) -> set[str]:
    """Short names of the configs of the paper's tables, and of the pretrainings that they need.

    Raises:
        UserError: The paper has no such table.
    """
    found = [cell for table in tables for cell in cells(table)]
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
            _loaded(head.config, (*head.tricks, *found[head.task]))
    return found


@lru_cache
def _loaded(config: str, tricks: tuple[str, ...]) -> Any:
    """A config with tricks, read once; do not change it.

    Raises:
        UserError: It cannot have such a trick, or has it already.
    """
    from tricklift.tricks import load  # slow to import

    return load(find_config(config), tricks)


def _checked_teacher(teacher: str | None, tricks: Sequence[str]) -> str | None:
    """The teacher of `--teacher`, a file with its whole path; None where nothing is distilled."""
    distils = "distillation" in tricks
    if not distils and teacher is None:
        return None
    from backbones.libraries import is_reference  # slow to import, as the next
    from tricklift.train import TEACHERS

    if teacher is None:
        raise UserError(f"--tricks distillation needs --teacher: {TEACHERS}")
    if not distils:
        raise UserError("--teacher is for --tricks distillation, which is not asked for")
    if is_reference(teacher):
        return teacher
    if not Path(teacher).is_file():
        raise MissingFileError(f"--teacher: no file {teacher!r}; give {TEACHERS}")
    return str(Path(teacher).resolve())


@dataclass(frozen=True)
class Place:
    """What the rows of a plan share: the tier, the folders, and the heads that were chosen."""

    tier: Tier
    out: Path
    root: Path
    heads: tuple[Head, ...]
    configs: frozenset[str] | None = None

    def limited_to(self, configs: set[str]) -> "Place":
        """The same for the runs of these configs alone."""
        return replace(self, configs=frozenset(configs))

    def from_row(self, row: Row) -> list[tuple[Head, str]]:
        """The heads that start from a row, with their configs."""
        return [
            (head, row.downstream[head.name])
            for head in self.heads
            if head.name in row.downstream
            and (self.configs is None or row.downstream[head.name] in self.configs)
        ]

    def data(self, task: str, own: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The data sets that a run reads."""
        return own or self.tier.data.get(task, ())

    def weights(self, row: Weights) -> str:
        """What a row starts from: of its checkpoints the first that is there.

        Raises:
            MissingFileError: None is.
        """
        given = os.environ.get("TRICKLIFT_DATA")
        folders = [self.root, *([Path(given)] if given else [])]
        for name in row.checkpoint:
            if Path(name).suffix not in (".safetensors", ".pth", ".pt"):
                return name
            for folder in folders:
                if (folder / name).is_file():
                    return str((folder / name).resolve())
        raise MissingFileError(
            f"row {row.name!r} starts from {' or '.join(row.checkpoint)}, which is not in "
            f"{' or '.join(map(str, folders))}; put it there, or leave the row out with --rows"
        )

    def options(self, task: str, *more: Options) -> Options:
        """`--cfg-options` of a run: the tier's, then its own; results of own tiers say whose."""
        said = () if self.tier.provided else (f"benchmark.tier={self.tier.name}",)
        return tuple(chain(said, self.tier.options.get(task, ()), *more))


@dataclass(frozen=True)
class RowPlan:
    """One row of the table, with one seed and one network in the place of its own; see `plan`.

    `downstream` are the seeds of detection and segmentation, `tricks` what `by_task` gives.
    """

    place: Place
    row: Row | Weights | Random
    seed: int
    downstream: tuple[int, ...]
    tricks: dict[str, tuple[str, ...]]
    network: Network | None = None

    def jobs(self, teacher: str | None = None) -> list[Job]:
        """The teachers of this row, the pretraining, the export, and what follows from it."""
        row, network = self.row, self.network
        if isinstance(row, Random):
            own = network.name if network else row.backbone
            assert own, "chosen_rows gives none without a network"
            label = f"{row.name}-{network.label}" if network else row.name
            heads = [(head, head.config) for head in self.place.heads]
            return [*self._from(label, own, "none", heads)]
        if isinstance(row, Weights):
            checkpoint = self.place.weights(row)
            heads = [(head, head.config) for head in self.place.heads]
            return [*self._from(row.name, row.backbone, checkpoint, heads, options=row.options)]
        return self._from_pretraining(row, teacher)

    def _from_pretraining(self, row: Row, teacher: str | None) -> list[Job]:
        network, added = self.network, self.tricks["cls"]
        tricks = (*row.tricks, *added)
        config = (network and network.config) or row.config
        backbone, changes = _network_with(config, tricks, row.backbone)
        if network:
            if tricks or network not in self.place.tier.networks:
                from tricklift.tricks import refuse_other_network

                refuse_other_network(_loaded(config, tricks), network.name, config)
            backbone = network.name
        lessons, taught = self._lessons(row)
        training = self._training(
            "cls",
            f"{network.label}-{row.recipe}" if network else row.name,
            config,
            self.seed,
            self.place.options("cls", _titled(row, added), row.options, taught)
            + self._of_network("cls"),
            row.tricks,
            added,
            backbone=backbone,
            needs=tuple(job.name for job in lessons[-1:]),
            teacher=teacher,
            data=self.place.data("cls", row.data),
        )
        heads = self.place.from_row(row)
        if not heads:
            return [*lessons, training]
        export = self._export(training)
        runs = self._from(export.file.stem, backbone, str(export.file), heads, export, changes)
        return [*lessons, training, export, *runs]

    def _lessons(self, row: Row) -> tuple[list[Job], Options]:
        """The pretraining and export of what teaches a row, and the option that says so."""
        teacher = self.place.tier.teacher_of(row)
        if teacher is None:
            return [], ()
        before, taught = self._lessons(teacher)
        training = self._training(
            "cls",
            teacher.name,
            teacher.config,
            self.seed,
            self.place.options("cls", _titled(teacher), teacher.options, taught),
            teacher.tricks,
            backbone=_network_with(teacher.config, teacher.tricks, teacher.backbone)[0],
            needs=tuple(job.name for job in before[-1:]),
            data=self.place.data("cls", teacher.data),
        )
        export = self._export(training)
        option = f"model.distillation.teacher.checkpoint={export.file}"
        return [*before, training, export], (option,)

    def _of_network(self, task: str) -> Options:
        return self.network.options.get(task, ()) if self.network else ()

    def _training(
        self,
        folder: str,
        label: str,
        config: str,
        seed: int,
        options: Options,
        tricks: tuple[str, ...] = (),
        added: tuple[str, ...] = (),
        **more: Any,
    ) -> Training:
        """The training of a config; `label` and the tricks that were asked for name its folder."""
        own = [Path(trick).stem for trick in added]  # a trick of one's own is a file
        name = f"{folder}/{'+'.join((label, *own))}/seed{seed}"
        place, tricks = self.place.out / name, (*tricks, *added)
        more["imports"] = tuple(imports.given())
        return Training(name, config, place, seed, options=options, tricks=tricks, **more)

    def _export(self, training: Training) -> Export:
        _, label, seed = training.name.split("/")
        file = self.place.out / "exports" / f"{label}-{seed}.safetensors"
        return Export(f"export/{file.stem}", training, file, (training.name,))

    def _from(
        self,
        origin: str,
        backbone: str,
        pretrained: str,
        heads: Sequence[tuple[Head, str]],
        export: Export | None = None,
        changes: Options = (),
        options: dict[str, Options] | None = None,
    ) -> list[Training]:
        """Detection and segmentation from weights: an export, given ones, or random ones."""
        return [
            self._training(
                head.folder,
                origin,
                config,
                seed,
                self.place.options(
                    head.task,
                    head.options,
                    (options or {}).get(head.task, ()),
                    changes,
                    self._of_network(head.task),
                ),
                head.tricks,
                self.tricks[head.task],
                backbone=backbone,
                pretrained=pretrained,
                needs=(export.name,) if export else (),
                data=self.place.data(head.task, head.data),
            )
            for seed in self.downstream
            for head, config in heads
        ]


def _titled(row: Row, added: tuple[str, ...] = ()) -> Options:
    """The option that gives a row its name in the table, with the tricks that were asked for."""
    return (f'+row="{" + ".join((row.title, *added))}"',) if row.title else ()


def _network_with(config: str, tricks: tuple[str, ...], said: str) -> tuple[str, Options]:
    """The backbone's name with these tricks, and `--cfg-options` for what else they made of it.

    A row says its network as it is with its own tricks; those that are added may make another.
    """
    if not tricks:
        return said, ()
    plain, changed = (dict(_loaded(config, laid).model.backbone) for laid in ((), tricks))
    start_values = ("name", "init", "zero_gamma")  # the export holds other ones
    name = changed["name"] if changed["name"] != plain["name"] else said
    return name, tuple(
        f"model.backbone.{key}={value}".replace(" ", "")
        for key, value in changed.items()
        if key not in start_values and plain.get(key) != value
    )
