"""The jobs of one row: its teachers, its pretraining, the export, and what starts from it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from tricklift.compat import imports
from tricklift.errors import MissingFileError
from tricklift.suite.choices import Random, loaded
from tricklift.suite.jobs import Export, Job, Training
from tricklift.suite.tiers import Head, Network, Options, Row, Tier, Weights


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

                refuse_other_network(loaded(config, tricks), network.name, config)
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
        name = f"{folder}/{'+'.join((label, *map(_called, added)))}/seed{seed}"
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


def _called(trick: str) -> str:
    """What a trick is called: one of the user's own, which is a file, without folder and ending."""
    return Path(trick).stem


def _titled(row: Row, added: tuple[str, ...] = ()) -> Options:
    """The option that gives a row its name in the table, with the tricks that were asked for."""
    return (f'+row="{" + ".join((row.title, *map(_called, added)))}"',) if row.title else ()


def _network_with(config: str, tricks: tuple[str, ...], said: str) -> tuple[str, Options]:
    """The backbone's name with these tricks, and `--cfg-options` for what else they made of it.

    A row says its network as it is with its own tricks; those that are added may make another.
    """
    if not tricks:
        return said, ()
    plain, changed = (dict(loaded(config, laid).model.backbone) for laid in ((), tricks))
    start_values = ("name", "init", "zero_gamma")  # the export holds other ones
    name = changed["name"] if changed["name"] != plain["name"] else said
    return name, tuple(
        f"model.backbone.{key}={value}".replace(" ", "")
        for key, value in changed.items()
        if key not in start_values and plain.get(key) != value
    )
