"""The cells of the paper's tables beside our own values: what `tricklift paper rows` prints."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tricklift.paper.gpu_hours import gpu_hours
from tricklift.paper.table_cells import CELLS, GPUS, HEADS, Cell, cells, needs_of, read, resolved
from tricklift.records.identity import config_hash, export_mark
from tricklift.records.schema import SCHEMA
from tricklift.tables.records import Record, find

#: Leaf of a row -> the leaf that holds its head.
_LEAVES = {
    Path(cell.config).name: Path(config).name
    for table, setting, config, _ in HEADS
    for cell in CELLS
    if (cell.table, cell.setting) == (table, setting)
}
#: Heads with which the paper has values; the others are extensions.
HEADS_OF_PAPER = {Path(config).name for _, _, config, metrics in HEADS if metrics}


def runs_of(cell: Cell, records: list[Record]) -> tuple[list[Record], list[Record]]:
    """The finished runs of a cell's config, wherever its tree stands: as it is, and the others.

    Others have tricks, options, weights, a teacher, another network or another number of processes
    from the command line, a record that does not say who taught them, or one of an older schema,
    whose hash does not compare.
    """
    runs = [record for record in records if record.done and config_of(record) == cell.config]
    same = [run for run in runs if fits(cell, run)]
    return same, [run for run in runs if run not in same]


def config_of(run: Record) -> str:
    """Short name of a run's config, wherever its tree stands."""
    path = Path(str(run["config"]))
    return "/".join((*path.parent.parts, path.stem)[-3:])


def fits(cell: Cell, run: Record) -> bool:
    """Whether a run of the cell's config is its recipe: unchanged, from the weights of its row.

    The hash of a run's config tells its weights and teacher by the hash of the config that trained
    them, and so on, down to what began from random weights. What the record says of them must agree
    too. The batch of a config is that of one process, so their number belongs to the recipe.
    """
    if run["world_size"] != GPUS or run["config_hash"] != hash_of(cell.config):
        return False
    if cell.task != "cls":
        return all(_trained_by(need, run.pretrained) for need in cell.needs)
    teacher = run["teacher"] or {}
    return not run.pretrained and all(_trained_by(need, teacher) for need in cell.needs)


def of_paper(run: Record) -> bool:
    """Whether a run fills a cell of the paper's tables."""
    return any(fits(cell, run) for cell in CELLS if cell.config == config_of(run))


def head_of(run: Record) -> str:
    """The head of a downstream run, by its config; only runs of one head are compared.

    `faster_rcnn_fpn`, or `faster_rcnn_fpn + giou_loss` with tricks of the run's own. In the full
    tier each row has a leaf config, `faster_rcnn_c4-d-cosine`, whose head is `faster_rcnn_c4`.
    """
    leaf = Path(str(run["config"])).stem
    return " + ".join([_LEAVES.get(leaf, leaf), *(run["tricks"] or ())])


@cache
def hash_of(config: str) -> str:
    """The config hash of a provided config, run with the exports that it needs.

    These are of provided configs that were run with what they need, wherever the files lie.
    """
    cfg = read(config)  # with the folders that config_hash leaves out
    for need in needs_of(config):
        cls = cfg.benchmark.task == "cls"
        network = cfg.model.distillation.teacher if cls else cfg.model.backbone
        network.checkpoint = export_mark(resolved(need).model.backbone.name, hash_of(need))
    return config_hash(cfg)


def _trained_by(config: str, weights: dict[str, Any]) -> bool:
    """Whether weights are noted as those of a config's finished run on the paper's GPUs.

    Only of the last (or best) checkpoint of a finished run the top-1 is known. Exports of older
    versions do not say on how many processes they were trained: that is no objection.
    """
    cfg = resolved(config)
    wanted = {
        "row": cfg.row,
        "architecture": cfg.model.backbone.name,
        "dataset": cfg.benchmark.dataset,
        "config_hash": hash_of(config),
    }
    return (
        wanted.items() <= weights.items()
        and weights.get("top1") is not None
        and weights.get("world_size") in (None, str(GPUS))
    )


def own_values(cell: Cell, runs: list[Record]) -> dict[str, float] | None:
    """Our values of a cell: means over its runs, None where there is no run."""
    values = defaultdict(list)
    for run in runs:
        of_weights = {} if cell.task == "cls" else {"top1": run.pretrained.get("top1")}
        for metric, value in (run["metrics"] | of_weights).items():
            if value is not None:
                values[metric].append(value)
    return {metric: round(statistics.fmean(held), 4) for metric, held in values.items()} or None


def listing(
    tables: Sequence[str] | None = None, results: Path | None = None
) -> list[dict[str, Any]]:
    """What `tricklift paper rows` prints, a dict a cell.

    Returns:
        Dicts with the keys table, row, setting, network, task, config, command, needs, gpu_hours,
        paper (metric -> value; None for an extension), own (the same; None without a result), and
        changed (number of runs of the config that are not its recipe, which do not count), and
        older (number of those whose record is too old to tell, which do not count either).

    Raises:
        UserError: No such table, or a file below `results` that is not a result.
        MissingFileError: `results` is missing or holds no result.
    """
    records = find(results) if results else []
    named = ("table", "row", "setting", "network", "task", "config", "command")
    entries = []
    for cell in cells(*tables or ()):
        runs, changed = runs_of(cell, records)
        told = {key: getattr(cell, key) for key in named}
        told |= {"needs": list(cell.needs), "gpu_hours": round(gpu_hours(cell.config), 1)}
        told |= {"paper": cell.paper, "own": own_values(cell, runs)}
        told["changed"] = sum(run["schema"] == SCHEMA for run in changed)
        told["older"] = len(changed) - told["changed"]
        entries.append(told)
    return entries
