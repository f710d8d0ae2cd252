"""Which jobs a tier consists of: rows, networks, tricks and seeds become a graph of jobs.

Of each row: its teacher, its pretraining, its export, then detection and segmentation from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import backbones as registry
from backbones.libraries import is_reference
from tricklift.configs import find_config
from tricklift.errors import MissingFileError, UserError, did_you_mean
from tricklift.suite.jobs import Export, Job, Training
from tricklift.suite.tiers import DOWNSTREAM, NO_PRETRAINING, Network, Tier, tier_of
from tricklift.train import TEACHERS
from tricklift.tricks import load, refuse_other_network
from tricklift.tricks.names import check_names, is_file, tasks_of, trick_file, trick_name


def plan(
    tier: str,
    out: str | Path,
    seeds: Sequence[int] = (0,),
    downstream_seeds: Sequence[int] | None = None,
    rows: Sequence[str] | None = None,
    tricks: Sequence[str] = (),
    teacher: str | None = None,
    backbones: Sequence[str] | None = None,
) -> list[Job]:
    """The jobs of a tier, each after those that it needs.

    The first pass over the rows gives a whole table; the further downstream seeds follow.

    Args:
        tier: A name in `tricklift.suite.tiers`.
        out: Output folder.
        seeds: Of the pretrainings.
        downstream_seeds: Of detection and segmentation, from each pretraining; None: the
            pretraining's.
        rows: Pretraining configs, or `random-init`; None: all of the tier.
        tricks: Added to each pretraining config; those that are not for classification, to the
            downstream configs (nothing is pretrained again for them). Such runs stand beside those
            without, as `<config>+<trick>`. Teachers stay as they are. A path ending in `.py` is a
            trick of one's own.
        teacher: For the trick `distillation` among `tricks`: a file or `timm/NAME`.
        backbones: Each row is run with each of these instead of its own, as
            `<backbone>-<rest of the config's name>`; None: the tier's choice.

    Raises:
        UserError: Unknown tier, row, trick or backbone, a trick that a row cannot have or has
            already, a trick of pretraining where nothing is pretrained, a row that chooses another
            network itself, a teacher without distillation or distillation without a teacher, no
            seeds or one given twice.
        MissingFileError: No such teacher.
    """
    for given in (seeds, downstream_seeds):
        if given is not None and (not given or len(set(given)) != len(given) or min(given) < 0):
            raise UserError(f"seeds must be different whole numbers from 0, got {list(given)}")
    out, what = Path(out).resolve(), tier_of(tier)
    chosen = chosen_rows(what, rows)
    networks = chosen_networks(what, backbones)
    tricks = [str(trick_file(name)) if is_file(name) else name for name in tricks]
    teacher = _checked_teacher(teacher, tricks)
    laid = by_task(tricks, what)
    if laid["cls"] and chosen == [NO_PRETRAINING]:
        raise UserError(
            f"--tricks {','.join(laid['cls'])} goes over pretrainings, and the rows asked for have "
            f"none ({NO_PRETRAINING}); add a row to --rows ({', '.join(what.rows)}) or leave the "
            "trick out"
        )
    passes = [(seed,) for seed in downstream_seeds] if downstream_seeds else [()]
    jobs: dict[str, Job] = {}
    for some, seed, row, network in product(passes, seeds, chosen, networks):
        for job in RowPlan(what, out, row, seed, some or (seed,), laid, network).jobs(teacher):
            jobs.setdefault(job.name, job)
    return list(jobs.values())


def chosen_rows(tier: Tier, rows: Sequence[str] | None) -> list[str]:
    """The rows that were asked for, in the tier's order; without pretraining comes last.

    Raises:
        UserError: A row that the tier does not have.
    """
    every = [*tier.rows, NO_PRETRAINING]
    for row in rows or ():
        if row not in every:
            hint = did_you_mean(row, every)
            raise UserError(f"unknown row {row!r}; the tier has {', '.join(every)}{hint}")
    if rows is None and not tier.random_init:
        return list(tier.rows)
    return [row for row in every if rows is None or row in rows]


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
            registry.info(name)
    return [known.get(name, Network(name)) for name in dict.fromkeys(names)]


def by_task(tricks: Sequence[str], tier: Tier) -> dict[str, tuple[str, ...]]:
    """Task -> the tricks that go over its configs: the pretraining's, where they are for it.

    Raises:
        UserError: An unknown trick, one named twice, or one that a config downstream cannot have.
    """
    check_names((), tuple(tricks))
    found: dict[str, tuple[str, ...]] = {"cls": (), **dict.fromkeys(DOWNSTREAM, ())}
    for trick in tricks:
        allowed = tasks_of(trick)
        for task in ("cls",) if "cls" in allowed else allowed:
            found[task] += (trick,)
    for task, config in DOWNSTREAM.items():
        if found[task]:
            _loaded(f"{task}/{tier.configs}/{config}", found[task])
    return found


@lru_cache
def _loaded(config: str, tricks: tuple[str, ...]) -> Any:
    """A config with tricks, read once; do not change it.

    Raises:
        UserError: It cannot have such a trick, or has it already.
    """
    return load(find_config(config), tricks)


def _checked_teacher(teacher: str | None, tricks: Sequence[str]) -> str | None:
    """The teacher of `--teacher`, a file with its whole path; None where nothing is distilled."""
    distils = "distillation" in tricks
    if distils and teacher is None:
        raise UserError(f"--tricks distillation needs --teacher: {TEACHERS}")
    if teacher is None:
        return None
    if not distils:
        raise UserError("--teacher is for --tricks distillation, which is not asked for")
    if is_reference(teacher):
        return teacher
    if not Path(teacher).is_file():
        raise MissingFileError(f"--teacher: no file {teacher!r}; give {TEACHERS}")
    return str(Path(teacher).resolve())


@dataclass(frozen=True)
class RowPlan:
    """One row of the table, with one seed and one network in the place of its own; see `plan`.

    `downstream` are the seeds of detection and segmentation, `tricks` what `by_task` gives.
    """

    tier: Tier
    out: Path
    row: str
    seed: int
    downstream: tuple[int, ...]
    tricks: dict[str, tuple[str, ...]]
    network: Network | None = None

    def jobs(self, teacher: str | None = None) -> list[Job]:
        """The tier's teacher of this row, the pretraining, the export, and what follows from it."""
        row, network, tricks = self.row, self.network, self.tricks["cls"]
        if row == NO_PRETRAINING:
            own = network.name if network else self.tier.random_init
            assert own, "a tier without it has networks"
            return self._downstream(f"{row}-{network.label}" if network else row, own)
        lessons: list[Job] = []
        options: tuple[str, ...] = ()
        if row in self.tier.teachers:
            config = self.tier.teachers[row]
            lesson = self._export(self._training("cls", config, config, self.seed))
            lessons = [lesson.training, lesson]
            options = (f"model.distillation.teacher.checkpoint={lesson.file}",)
        training = self._training(
            "cls",
            f"{network.label}-{row.partition('-')[2]}" if network else row,
            (network and network.config) or row,
            self.seed,
            network,
            options,
            backbone=network and network.name,
            needs=tuple(job.name for job in lessons[1:]),
            tricks=tricks,
            teacher=teacher,
        )
        export = self._export(training)
        backbone, changes = _network_with(training.config, tricks)
        if network:
            laid = _loaded(training.config, tricks)
            refuse_other_network(laid, network.name, training.config)
            backbone = network.name
        return [
            *lessons,
            training,
            export,
            *self._downstream(export.file.stem, backbone, export, changes),
        ]

    def _training(
        self,
        task: str,
        label: str,
        config: str,
        seed: int,
        network: Network | None = None,
        options: tuple[str, ...] = (),
        tricks: tuple[str, ...] = (),
        **more: Any,
    ) -> Training:
        """The training of a config; `label` and the tricks name its folder."""
        name = f"{task}/{'+'.join((label, *map(trick_name, tricks)))}/seed{seed}"
        options = (*self.tier.options.get(task, ()), *options)
        options += network.options.get(task, ()) if network else ()
        reference = f"{task}/{self.tier.configs}/{config}"
        place = self.out / name
        return Training(name, reference, place, seed, options=options, tricks=tricks, **more)

    def _export(self, training: Training) -> Export:
        _, label, seed = training.name.split("/")
        file = self.out / "exports" / f"{label}-{seed}.safetensors"
        return Export(f"export/{file.stem}", training, file, (training.name,))

    def _downstream(
        self,
        origin: str,
        backbone: str,
        export: Export | None = None,
        changes: tuple[str, ...] = (),
    ) -> list[Job]:
        """Detection and segmentation from an export, or from random weights."""
        return [
            self._training(
                task,
                origin,
                config,
                seed,
                self.network,
                changes,
                self.tricks[task],
                backbone=backbone,
                pretrained=str(export.file) if export else "none",
                needs=(export.name,) if export else (),
            )
            for seed in self.downstream
            for task, config in DOWNSTREAM.items()
        ]


def _network_with(config: str, tricks: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The backbone's name with these tricks, and `--cfg-options` for what else they made of it."""
    plain, changed = (dict(_loaded(config, t).model.backbone) for t in ((), tricks))
    start_values = ("name", "init", "zero_gamma")  # the export holds other ones
    return changed["name"], tuple(
        f"model.backbone.{key}={value}".replace(" ", "")
        for key, value in changed.items()
        if key not in start_values and plain.get(key) != value
    )
