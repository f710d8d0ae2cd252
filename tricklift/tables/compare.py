"""The transfer table, built from result files alone: one row a backbone.

Only finished runs count, and only runs of one and the same config, on the same data, are averaged
(over seeds). Where a row has several configs of a task, such as FPN and C4 heads, it takes several
lines.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.paper import numbers
from tricklift.records.schema import RANDOM_INIT
from tricklift.tables.observations import Observations, observe
from tricklift.tables.paper_rows import HEADS_OF_PAPER, head_of, of_paper
from tricklift.tables.records import Record, find
from tricklift.tables.reference import beside

#: Metric of the table -> task whose runs give it.
COLUMNS = {"top1": "cls", "voc_map": "det", "pix_acc": "seg", "miou": "seg"}
#: Metric -> how pages and pictures call it.
TITLES = {"top1": "top-1", "voc_map": "mAP", "pix_acc": "pixAcc", "miou": "mIoU"}
TASKS = ("cls", "det", "seg")
DOWNSTREAM = ("det", "seg")
TIERS = ("mini", "small", "full")
Row = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """The runs behind one row of the table.

    Attributes:
        first: Any of the backbone's runs: all agree in tier, row name and backbone.
        runs: Task -> its finished runs, one a seed.
        several: Tasks of which the backbone has more than one config, and so more than one line.
    """

    first: Record
    runs: dict[str, list[Record]]
    several: set[str]

    def observations(self, metric: str) -> Observations | None:
        """The metric's values, one a pretraining; None where no run has it."""
        return observe(self.runs[COLUMNS[metric]], metric)

    def head(self, task: str) -> str | None:
        """The head of a task's runs, all the same; None in pretraining and without runs."""
        return head_of(self.runs[task][0]) if task in DOWNSTREAM and self.runs[task] else None

    @property
    def pretrained(self) -> str | None:
        """What the weights were trained on: a data set, or a library's name; None for none."""
        if self.runs["cls"]:
            return str(self.runs["cls"][0]["dataset"])
        held = self.first.pretrained
        if not held:
            return None
        return str(held.get("dataset") or held.get("name") or Path(held["file"]).name)

    def seeds(self, task: str) -> list[int]:
        """Those of a task's runs, ascending."""
        return sorted({run["seed"] for run in self.runs[task]} - {None})

    def pretraining_seeds(self) -> list[int]:
        """Those of its pretrainings, and those that the downstream runs know of; ascending."""
        noted = {str(run.pretrained.get("seed")) for it in DOWNSTREAM for run in self.runs[it]}
        return sorted({*self.seeds("cls"), *(int(seed) for seed in noted if seed.isdecimal())})


def compare(folder: str | Path, reference: str | None = None) -> tuple[list[Row], list[Record]]:
    """Rows of the table, and the records behind it (those of unfinished runs among them).

    Args:
        folder: In which runs left results.
        reference: A tier whose shipped results stand beside them (`tricklift.tables.reference`).

    Returns:
        Rows with the keys row, backbone, pretrained, top1, voc_map, pix_acc, miou, protocol, paper,
        reference (the tier whose shipped results the row is of, or None); each metric is
        `{mean, std, n, runs}` (`Observations.summary`) or None.

    Raises:
        MissingFileError: No results.
        UserError: An unreadable result, one run there twice, or runs that may not stand beside
            the reference.
    """
    records = find(folder)
    if reference is not None:
        records = beside(records, reference)
    return build_rows(record for record in records if record.done), records


def ladder() -> list[str]:
    """Names of rows that build on one another, lowest first."""
    return [RANDOM_INIT, "B-baseline", "D-tricks", *numbers.transfer_rows()]


def build_rows(records: Iterable[Record]) -> list[Row]:
    """Rows of the table, in the order of `lines`."""
    found = lines(records)
    several_tiers = len({line.first["tier"] for line in found}) > 1
    digests: dict[str, set[str | None]] = defaultdict(set)
    for run in (run for line in found for runs in line.runs.values() for run in runs):
        digests[run["dataset"]].add(run.digest)
    several_data = {name for name, held in digests.items() if len(held) > 1}
    return [_row(line, several_tiers, several_data) for line in found]


def lines(records: Iterable[Record]) -> list[Line]:
    """Runs of one table row each: by tier, random init first, the paper's order, as they came."""
    records = list(records)
    digests: dict[str | None, set[str | None]] = defaultdict(set)  # of each pretraining's data
    for record in records:
        digests[record.origin] |= {record.origin_digest} - {None}
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        digest = record.origin_digest if len(digests[record.origin]) > 1 else None
        made = (record["backbone"], record.origin, digest, record.reference)
        key = (record["tier"], record["row"], *made)
        groups[key].append(record)
    known = ladder()
    keys = sorted(groups, key=lambda key: (_place(key[0], TIERS), _place(key[1], known)))
    return [line for key in keys for line in _lines_of(groups[key])]


def _place(name: str, known: Sequence[str]) -> int:
    """Of a name among those that are known; others come last."""
    return known.index(name) if name in known else len(known)


def _lines_of(group: list[Record]) -> list[Line]:
    """One line for each set of configs (one config a task) of a backbone."""
    variants = {task: _variants(group, task) for task in TASKS}
    pretraining = variants["cls"][0] if variants["cls"] else []
    several = {task for task in TASKS if len(variants[task]) > 1}
    found = []
    for chosen in zip_longest(*(variants[task] for task in TASKS)):
        runs = {task: of_task or [] for task, of_task in zip(TASKS, chosen, strict=True)}
        found.append(Line(group[0], {**runs, "cls": runs["cls"] or pretraining}, several))
    return found


def _variants(group: list[Record], task: str) -> list[list[Record]]:
    """The records of a task, split by config, data, protocol and batch.

    The batch of a config is that of one process, so runs on another number of them differ.
    """
    split: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in group:
        if record["task"] == task:
            labels = (Path(str(record["config"])).stem, record["dataset"], record["protocol"])
            processes = str(record["world_size"] or 1)
            split[*labels, record["config_hash"], processes, str(record.digest)].append(record)
    for same in split.values():
        _refuse_copies(same)
    return [split[key] for key in sorted(split)]


def _refuse_copies(records: list[Record]) -> None:
    """Refuses two runs that seeds do not tell apart, of one config.

    Exports of one pretraining (averaged weights or not, the last or an earlier epoch) share its
    seed and count as the same config: they are no sample of what chance does.
    """
    seen: dict[tuple[Any, ...], Record] = {}
    for record in records:
        held = record.pretrained
        file = held.get("file") if held.get("seed") is None else None
        key = (record["seed"], held.get("seed"), file)
        if key in seen:
            origin = f", from weights of the pretraining with seed {held.get('seed')}"
            start = "" if held.get("seed") is None else origin
            raise UserError(
                f"{seen[key].path} and {record.path} are the same run (row {record['row']!r}, "
                f"task {record['task']}, seed {record['seed']}{start}); keep one of them"
            )
        seen[key] = record


def _row(line: Line, several_tiers: bool, several_data: set[str]) -> Row:
    seen = {name: line.observations(name) for name in COLUMNS}
    metrics = {name: found.summary() if found else None for name, found in seen.items()}
    return {
        "row": line.first["row"],
        "backbone": line.first["backbone"],
        "pretrained": line.pretrained,
        **metrics,
        "protocol": _protocol(line, several_data)
        + (f"; tier {line.first['tier']}" if several_tiers else ""),
        "paper": _paper(line, metrics),
        "reference": line.first.reference,
    }


def _protocol(line: Line, several_data: set[str]) -> str:
    """Data and protocol of each task, and what else the runs behind the line share, or do not.

    `several_data` are the names of data sets that do not tell which data was read.
    """
    parts = []
    for task in TASKS:
        if line.runs[task]:
            run = line.runs[task][0]
            told = f"{run['dataset']}: {run['protocol']}"
            if run["dataset"] in several_data:
                told += f" [data {(run.digest or 'unknown')[:8]}]"
            if task in line.several:
                processes = f", {run['world_size']} processes" if run["world_size"] != 1 else ""
                told += f" [{Path(str(run['config'])).stem} {run['config_hash'][:8]}{processes}]"
            if seen := max(run.val_images_in_train for run in line.runs[task]):
                told += f" [validation images that are training images: {seen}]"
            versions = sorted({str(run["version"]) for run in line.runs[task]})
            if len(versions) > 1:
                told += f" [averaged over versions {', '.join(versions)} of tricklift]"
            parts.append(told)
    return "; ".join(parts)


def _paper(line: Line, metrics: dict[str, Any]) -> dict[str, Any] | None:
    """The paper's values and ours minus theirs, where the row is one of the paper's (full tier).

    None for a metric that the paper does not have with the line's head, and where a run behind ours
    is not the paper's recipe.
    """
    name = line.first["row"]
    if line.first["tier"] != "full" or name not in numbers.transfer_rows():
        return None
    values = {
        metric: value if _has_papers_place(line, COLUMNS[metric]) else None
        for metric, value in numbers.transfer(name).items()
    }
    difference = {
        metric: round(ours["mean"] - value, 4) if (ours := metrics[metric]) and value else None
        for metric, value in values.items()
    }
    return {**values, "difference": difference, "source": numbers.source()}


def _has_papers_place(line: Line, task: str) -> bool:
    """Whether a task's runs are what the paper ran, or would be: in a line of extensions not."""
    if not all(map(of_paper, line.runs[task])):
        return False
    heads = {name: line.head(name) for name in DOWNSTREAM if line.runs[name]}
    asked = [heads[task]] if task in heads else heads.values()
    return task == "cls" or all(head in HEADS_OF_PAPER for head in asked)
