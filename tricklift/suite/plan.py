"""Which jobs a tier consists of: rows, networks, tricks and seeds become a graph of jobs.

What was asked for is found by `tricklift.suite.choices`, the jobs of a row by
`tricklift.suite.row_plan`. Nothing here is slow to import unless tricks or networks are asked for.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from tricklift.errors import UserError
from tricklift.log_to import known
from tricklift.suite.choices import (
    by_task,
    check_backbones,
    checked_teacher,
    chosen_networks,
    chosen_rows,
    configs_of,
)
from tricklift.suite.jobs import Job, Training
from tricklift.suite.row_plan import Place, RowPlan
from tricklift.suite.tier_file import read
from tricklift.suite.tiers import Row, Tier


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
    log_to: Sequence[str] = (),
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
        log_to: Trackers that the trainings write to (`tricklift.log_to`).

    Raises:
        UserError: Unknown tier, row, head, table, trick or backbone, a trick that a row cannot have
            or has already, a trick of pretraining where nothing is pretrained, a row that chooses
            another network itself, a teacher without distillation or distillation without a
            teacher, no seeds or one given twice, an unknown tracker.
        MissingFileError: No such teacher, or tier file.
    """
    known(log_to)
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
    teacher = checked_teacher(teacher, tricks)
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
    told = tuple(log_to)
    return [replace(it, log_to=told) if isinstance(it, Training) else it for it in jobs.values()]
