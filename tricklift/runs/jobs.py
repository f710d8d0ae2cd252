"""The jobs of a tier: pretrain each row, export it, then detection and segmentation from it.

A job knows which jobs it waits for and whether it is done: a training when its `result.json` says
so for the very config that it would run now, an export when its file holds that config's hash.
"""

import json
import logging
import os
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tricklift.errors import did_you_mean
from tricklift.ground.schema import RESULT_FILE
from tricklift.runs.tiers import NO_PRETRAINING, Tier, tier_of

TRICKLIFT = (sys.executable, "-P", "-m", "tricklift")
#: Below the output folder; hidden, so that `tricklift compare` passes it over.
STALE = ".stale"


@dataclass(frozen=True)
class Training:
    """A run of `tricklift train`.

    Attributes:
        name: Such as `det/resnet18_d-tricks-seed0/seed0`; also its folder below the output folder.
        config: Short name.
        work_dir: Where it is kept.
        seed: Of the run.
        backbone: Set over the config's, or None.
        pretrained: Exported file, `none`, or None to leave the config's.
        needs: Names of jobs that must be done before.
        options: `--cfg-options`.
        tricks: On top of the config's own.
    """

    name: str
    config: str
    work_dir: Path
    seed: int
    backbone: str | None = None
    pretrained: str | None = None
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    tricks: tuple[str, ...] = ()

    def config_hash(self) -> str:
        """Hash of the config that this job would run now."""
        from tricklift.configs import parse_options
        from tricklift.ground.results import config_hash
        from tricklift.train import build_config

        logging.disable(logging.INFO)  # what mmengine says about reading the config
        try:
            cfg = build_config(
                self.config,
                work_dir=self.work_dir,
                seed=self.seed,
                backbone=self.backbone,
                pretrained=self.pretrained,
                tricks=self.tricks,
                options=parse_options(self.options),
            )
        finally:
            logging.disable(logging.NOTSET)
        return config_hash(cfg)

    def state(self) -> str:
        """`done`, `started` (to be resumed), `stale` (another config's) or `new`."""
        result = read_result(self.work_dir)
        if result is None:
            return "stale" if any(self.work_dir.glob("*.pth")) else "new"
        if result.get("config_hash") != self.config_hash() or result.get("seed") != self.seed:
            return "stale"
        return "done" if result.get("status") == "done" else "started"

    def command(self, resume: bool) -> list[str]:
        """The command line of the child process."""
        parts = [*TRICKLIFT, "train", self.config, "--work-dir", str(self.work_dir)]
        parts += ["--seed", str(self.seed)]
        parts += ["--backbone", self.backbone] if self.backbone else []
        parts += ["--pretrained", self.pretrained] if self.pretrained else []
        parts += ["--tricks", ",".join(self.tricks)] if self.tricks else []
        parts += ["--cfg-options", *self.options] if self.options else []
        return [*parts, "--resume"] if resume else parts

    def clear(self, out: Path) -> Path | None:
        """Moves what another config left out of the way (nothing is deleted); returns where to."""
        if not self.work_dir.exists():
            return None
        aside = out / STALE / f"{self.name.replace('/', '_')}-{uuid.uuid4().hex[:8]}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.work_dir, aside)
        return aside

    def summary(self) -> str:
        """The metrics of the finished run, for the progress line."""
        metrics = (read_result(self.work_dir) or {}).get("metrics", {})
        return "  ".join(
            f"{key} {value:.2f}" for key, value in metrics.items() if value is not None
        )


@dataclass(frozen=True)
class Export:
    """A run of `tricklift export` on the last checkpoint of a training."""

    name: str
    training: Training
    file: Path
    needs: tuple[str, ...]

    def state(self) -> str:
        """`done` where the file holds the finished training's config, else `new`."""
        from tricklift.ground.results import read_header

        result = read_result(self.training.work_dir)
        if result is None or result.get("status") != "done" or not self.file.is_file():
            return "new"
        written, trained = self.file.stat(), (self.training.work_dir / RESULT_FILE).stat()
        same = read_header(self.file).get("config_hash") == result["config_hash"]
        return "done" if same and written.st_mtime >= trained.st_mtime else "new"

    def command(self, resume: bool) -> list[str]:
        """The command line of the child process; of a run with EMA, what it was validated with.

        Raises:
            FileNotFoundError: The training left no checkpoint.
        """
        folder = self.training.work_dir
        parts = [*TRICKLIFT, "export", str(last_checkpoint(folder)), str(self.file)]
        tricks = (read_result(folder) or {}).get("tricks") or ()
        return [*parts, "--ema"] if "ema" in tricks else parts

    def clear(self, out: Path) -> Path | None:
        """Nothing to move: an export replaces its file in one step."""
        return None

    def summary(self) -> str:
        """The size of the file, for the progress line."""
        return f"{self.file.stat().st_size / 1e6:.0f} MB"


Job = Training | Export


def read_result(work_dir: Path) -> dict[str, Any] | None:
    """What is in a work dir's result file, None where there is none that can be read."""
    try:
        data = json.loads((work_dir / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def last_checkpoint(work_dir: Path) -> Path:
    """The checkpoint that mmengine noted as the last one.

    Raises:
        FileNotFoundError: There is none.
    """
    note = work_dir / "last_checkpoint"
    if note.is_file():
        # The note holds the path as it was; the folder may have been moved since.
        file = work_dir / Path(note.read_text().strip()).name
        if file.is_file():
            return file
    raise FileNotFoundError(f"no checkpoint in {work_dir}; repeat its training")


def plan(
    tier: str,
    out: str | Path,
    seeds: Sequence[int] = (0,),
    downstream_seeds: Sequence[int] | None = None,
    rows: Sequence[str] | None = None,
    tricks: Sequence[str] = (),
) -> list[Job]:
    """The jobs of a tier in an order in which each comes after those that it needs.

    The first pass over the rows gives a whole table; the further downstream seeds follow.

    Args:
        tier: A name in `tricklift.runs.tiers`.
        out: Where all of it goes.
        seeds: Of the pretrainings.
        downstream_seeds: Detection and segmentation run with each of these from every pretraining;
            None: with the seed of the pretraining.
        rows: Names of pretraining configs, and `random-init`; None is all of the tier.
        tricks: On top of each pretraining config's own; such rows stand beside those without, as
            `<config>+<trick>`. Teachers stay as they are.

    Raises:
        ValueError: Unknown tier, row or trick, a trick that a row cannot have or has already, no
            seeds or one given twice.
    """
    for given in (seeds, downstream_seeds):
        if given is not None and (not given or len(set(given)) != len(given) or min(given) < 0):
            raise ValueError(f"seeds must be different whole numbers from 0, got {list(given)}")
    out, what = Path(out).resolve(), tier_of(tier)
    chosen = chosen_rows(what, rows)
    passes = [[seed] for seed in downstream_seeds] if downstream_seeds else [None]
    jobs: dict[str, Job] = {}
    for some in passes:
        for seed in seeds:
            for row in chosen:
                found = _row(what, out, row, seed, some or [seed], tuple(tricks))
                jobs.update({job.name: job for job in found if job.name not in jobs})
    return list(jobs.values())


def chosen_rows(tier: Tier, rows: Sequence[str] | None) -> list[str]:
    """The rows that were asked for, in the tier's order; without pretraining comes last.

    Raises:
        ValueError: A row that the tier does not have.
    """
    every = [*tier.rows, NO_PRETRAINING]
    for row in rows or ():
        if row not in every:
            hint = did_you_mean(row, every)
            raise ValueError(f"unknown row {row!r}; the tier has {', '.join(every)}{hint}")
    return [row for row in every if rows is None or row in rows]


def _row(
    tier: Tier, out: Path, row: str, seed: int, downstream: Sequence[int], tricks: tuple[str, ...]
) -> list[Job]:
    """One row's teacher, its pretraining, its export, and what is trained from that."""
    if row == NO_PRETRAINING:
        return _downstream(tier, out, row, downstream, tier.random_init, "none", ())
    teacher: tuple[Job, ...] = ()
    options: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    if row in tier.teachers:
        teacher = lessons = _pretraining(tier, out, tier.teachers[row], seed)
        options = (f"model.distillation.teacher.checkpoint={lessons[1].file}",)
        needs = (lessons[1].name,)
    training, export = _pretraining(tier, out, row, seed, options, needs, tricks)
    backbone = row.partition("-")[0]
    changes: tuple[str, ...] = ()
    if tricks:
        backbone, changes = _network_with(training.config, tricks)
    origin, after = export.file.stem, (export.name,)
    found = _downstream(tier, out, origin, downstream, backbone, str(export.file), after, changes)
    return [*teacher, training, export, *found]


@lru_cache
def _network_with(config: str, tricks: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The backbone's name with these tricks, and `--cfg-options` for what else they made of it.

    Raises:
        ValueError: The config cannot have such a trick, or has it already.
    """
    from tricklift.configs import find_config
    from tricklift.tricks import load

    plain, changed = (dict(load(find_config(config), t).model.backbone) for t in ((), tricks))
    start_values = ("name", "init", "zero_gamma")  # the export holds other ones
    return changed["name"], tuple(
        f"model.backbone.{key}={value}".replace(" ", "")
        for key, value in changed.items()
        if key not in start_values and plain.get(key) != value
    )


def _pretraining(
    tier: Tier,
    out: Path,
    config: str,
    seed: int,
    options: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    tricks: tuple[str, ...] = (),
) -> tuple[Training, Export]:
    """The training of a config in the classification stage, and its export."""
    label = "+".join((config, *tricks))
    name, options = f"cls/{label}/seed{seed}", (*tier.options.get("cls", ()), *options)
    reference = f"cls/{tier.configs}/{config}"
    training = Training(
        name, reference, out / name, seed, needs=needs, options=options, tricks=tricks
    )
    file = out / "exports" / f"{label}-seed{seed}.safetensors"
    return training, Export(f"export/{file.stem}", training, file, (name,))


def _downstream(
    tier: Tier,
    out: Path,
    origin: str,
    seeds: Sequence[int],
    backbone: str,
    weights: str,
    needs: tuple[str, ...],
    changes: tuple[str, ...] = (),
) -> list[Job]:
    jobs: list[Job] = []
    for seed in seeds:
        for task, config in tier.downstream.items():
            name = f"{task}/{origin}/seed{seed}"
            reference = f"{task}/{tier.configs}/{config}"
            options = (*tier.options.get(task, ()), *changes)
            jobs.append(
                Training(name, reference, out / name, seed, backbone, weights, needs, options)
            )
    return jobs
