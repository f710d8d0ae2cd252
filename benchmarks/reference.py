"""Packs the results of a tier as the reference that `tricklift compare --reference` ships.

Each downstream run must be what the tier would run now: its config hash is computed anew from the
tier, with what its weights were trained by in the place of the file. So a reference that the
configs have moved away from is refused here, and by the test that packs it again.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from tricklift.errors import UserError
from tricklift.records.atomic import write_text
from tricklift.records.identity import config_hash, export_mark
from tricklift.records.recipe import recipe_hash, recipe_of
from tricklift.suite.jobs import Training
from tricklift.suite.plan import plan
from tricklift.tables.records import Record, find
from tricklift.tables.reference import FOLDER

#: Bytes of a packed file.
LARGEST = 400_000


def pack(tier: str, folder: Path, root: Path = Path("data")) -> str:
    """The reference of a tier as JSON, one run a line.

    Args:
        tier: Its name.
        folder: In which `tricklift run TIER` left finished results, at the places of its jobs.
        root: Folder of the data sets, where a tier's given weights are.

    Raises:
        MissingFileError: No results there.
        UserError: A result is unfinished, is not what the tier would run now, or names a place on
            this machine; or they are too many to ship.
    """
    records = [record for record in find(folder) if record.done]
    seeds = sorted({int(record["seed"]) for record in records})
    planned = plan(tier, "out", seeds=seeds, root=root)
    jobs = {job.name: job for job in planned if isinstance(job, Training)}
    recipes: dict[str, Any] = {}
    known: dict[tuple[Any, ...], tuple[str, dict]] = {}
    results = {}
    for record in records:
        place = record.path.parent.relative_to(folder).as_posix()
        if place not in jobs:
            raise UserError(f"{record.path}: the tier {tier} has no job {place}; leave it out")
        data = {**record.data}
        if record["task"] != "cls":
            hashed, recipe = _as_now(record, jobs[place], known)
            if hashed != record["config_hash"]:
                raise UserError(
                    f"{record.path} is not what the tier {tier} would run now; run it again"
                )
            recipes[recipe_hash(recipe)] = recipe
            data["recipe_hash"] = recipe_hash(recipe)
        results[f"{place}/{record.path.name}"] = data
    text = _written(tier, results, recipes)
    if len(text) > LARGEST:
        raise UserError(f"{len(text)} bytes, more than {LARGEST}; pack fewer seeds")
    return text


def _as_now(
    record: Record, job: Training, known: dict[tuple[Any, ...], tuple[str, dict]]
) -> tuple[str, dict]:
    """Config hash and recipe of a run as its job would do it now; seeds share both.

    Given weights, which nobody's run trained, are read from the file that the job names.
    """
    trained = record.pretrained.get("config_hash")
    key = (job.config, job.backbone, job.options, job.tricks, trained)
    if key not in known:
        given = record.pretrained and not trained
        cfg: Any = (job if given else replace(job, pretrained="none")).resolved()
        if trained:
            cfg.model.backbone.checkpoint = export_mark(cfg.model.backbone.name, trained)
        known[key] = config_hash(cfg), recipe_of(cfg)
    return known[key]


def _written(tier: str, results: Mapping[str, Any], recipes: Mapping[str, Any]) -> str:
    """JSON with a line for each run and recipe, so that changes can be read."""

    def lines(held: Mapping[str, Any]) -> str:
        return ",\n".join(f"{json.dumps(key)}: {json.dumps(it)}" for key, it in held.items())

    return (
        f'{{"tier": {json.dumps(tier)},\n"results": {{\n{lines(results)}\n}},\n'
        f'"recipes": {{\n{lines(recipes)}\n}}}}\n'
    )


def reference(
    tier: Annotated[str, typer.Argument(help="Name of a provided tier.")],
    folder: Annotated[Path, typer.Argument(help="Where `tricklift run TIER` left its results.")],
    root: Annotated[Path, typer.Option(help="Folder of the data sets.")] = Path("data"),
) -> None:
    """Pack results as the reference of `tricklift compare --reference TIER`."""
    text = pack(tier, folder, root)
    write_text(FOLDER / f"{tier}.json", text)
    print(f"done: {FOLDER / f'{tier}.json'} ({len(text)} bytes)")
