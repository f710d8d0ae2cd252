"""Which rows can be compared, in which metric: runs of one tier on one data set, of one length.

A row of the table has one line for each of its heads; a column holds one head, unless heads are
what is compared.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tricklift.tables.compare import COLUMNS, DOWNSTREAM, TITLES, Line
from tricklift.tables.observations import Observations
from tricklift.tables.reference import MARK


@dataclass(frozen=True)
class Column:
    """What is compared over rows.

    Attributes:
        tier: Of the runs.
        metric: Of `COLUMNS`.
        title: The metric, and what tells this column from others of it: head, data, length.
        lines: Label -> line of the table, in its order.
    """

    tier: str
    metric: str
    title: str
    lines: Mapping[str, Line]

    @property
    def observations(self) -> dict[str, Observations]:
        """Label -> the row's values."""
        found = {label: line.observations(self.metric) for label, line in self.lines.items()}
        return {label: values for label, values in found.items() if values is not None}


def labels(lines: Sequence[Line]) -> list[str]:
    """What each line is called: its row, and where rows share that, what else tells them apart.

    Lines that differ in heads alone share a label.
    """
    names = [marked(str(line.first["row"]), line) for line in lines]
    return _told_apart(names, lines, (_backbone, _data, _pretraining))


def marked(name: str, line: Line) -> str:
    """The name of a line, saying so where it is of a reference: `B-standard (reference)`."""
    return extended(name, MARK) if line.first.reference else name


def _told_apart(
    names: Sequence[str], lines: Sequence[Line], attributes: Sequence[Callable[[Line], str]]
) -> list[str]:
    """Names that several lines share get the first attribute in which these differ, and so on."""
    names = list(names)
    for attribute in attributes:
        told: dict[str, set[str]] = defaultdict(set)
        for name, line in zip(names, lines, strict=True):
            told[name].add(attribute(line))
        names = [
            extended(name, attribute(line)) if len(told[name]) > 1 else name
            for name, line in zip(names, lines, strict=True)
        ]
    return names


def extended(name: str, part: str) -> str:
    """`+ cosine (resnet18_d)`, `+ cosine (resnet18_d, on CIFAR-10)`."""
    return f"{name[:-1]}, {part})" if name.endswith(")") else f"{name} ({part})"


def _backbone(line: Line) -> str:
    return str(line.first["backbone"])


def _data(line: Line) -> str:
    return f"on {line.pretrained or 'nothing'}"


def _pretraining(line: Line) -> str:
    return f"{line.first.origin or 'none'}"[:8]


def columns(lines: Sequence[Line], across_heads: bool = False) -> list[Column]:
    """Of each tier and metric, those in which some line has a value.

    Args:
        lines: Of the table.
        across_heads: Whether heads are compared with one another. They are, too, where that is all
            there is to compare.
    """
    found = []
    for tier in dict.fromkeys(line.first["tier"] for line in lines):
        of_tier = [line for line in lines if line.first["tier"] == tier]
        named = list(zip(labels(of_tier), of_tier, strict=True))
        for metric, task in COLUMNS.items():
            having = _distinct([it for it in named if it[1].observations(metric)], task)
            apart = _groups(having, task, heads=not across_heads)
            if len(having) > 1 and all(len(group) == 1 for group in apart.values()):
                apart = _groups(having, task, heads=False)
            titles = _titles(TITLES[metric], list(apart))
            for title, group in zip(titles, apart.values(), strict=True):
                found.append(Column(tier, metric, title, _labelled(group, task)))
    return found


def in_order(table: Sequence[Column], lines: Sequence[Line]) -> dict[str, Line]:
    """Label in some columns -> the first line that is called so, in the order of the lines."""
    places = {id(line): place for place, line in enumerate(lines)}
    named = [it for column in table for it in column.lines.items()]
    found: dict[str, Line] = {}
    for label, line in sorted(named, key=lambda it: (places[id(it[1])], it[0])):
        found.setdefault(label, line)
    return found


def _distinct(named: Sequence[tuple[str, Line]], task: str) -> list[tuple[str, Line]]:
    """Heads of a row share its pretraining, which counts once."""
    found = {line.runs[task][0].path: (label, line) for label, line in reversed(named)}
    return list(reversed(found.values()))


def of_task(lines: Sequence[Line], task: str) -> dict[str, Line]:
    """What each line with runs of a task is called -> the line; all lines are of one tier."""
    named = zip(labels(lines), lines, strict=True)
    return _labelled(_distinct([it for it in named if it[1].runs[task]], task), task)


def _groups(
    named: Sequence[tuple[str, Line]], task: str, heads: bool
) -> dict[tuple[tuple[str, str], ...], list[tuple[str, Line]]]:
    """Lines by what they must share: pretraining may have any length, which is part of a row."""
    found: dict[tuple[tuple[str, str], ...], list[tuple[str, Line]]] = defaultdict(list)
    for label, line in named:
        run = line.runs[task][0]
        shared: dict[str, Any] = {"head": line.head(task) if heads else None}
        shared |= {"dataset": run["dataset"], "data": (run.digest or "unknown")[:8]}
        if task in DOWNSTREAM:
            length = f"{run['epochs']} epochs" if run["epochs"] else f"{run['iters']} iterations"
            shared |= {"protocol": run["protocol"], "length": length}
        found[tuple((key, str(value)) for key, value in shared.items())].append((label, line))
    return found


def _titles(metric: str, keys: Sequence[tuple[tuple[str, str], ...]]) -> list[str]:
    """The metric, with what differs between its columns."""
    varying = [
        place
        for place in range(len(keys[0]) if keys else 0)
        if len({key[place] for key in keys}) > 1
    ]
    told = [", ".join(key[place][1] for place in varying) for key in keys]
    return [f"{metric} ({text})" if text else metric for text in told]


def _labelled(group: Sequence[tuple[str, Line]], task: str) -> dict[str, Line]:
    """Lines by label; those that share one get the head, then config, processes and data."""

    def config(line: Line) -> str:
        run = line.runs[task][0]
        return f"{Path(str(run['config'])).stem} {str(run['config_hash'])[:8]}"

    def processes(line: Line) -> str:
        return f"on {line.runs[task][0]['world_size'] or 1} processes"

    def data(line: Line) -> str:
        run = line.runs[task][0]
        return f"{run['dataset']} {(run.digest or 'unknown')[:8]}"

    lines = [line for _, line in group]
    attributes = (lambda line: str(line.head(task)), config, processes, data)
    names = _told_apart([label for label, _ in group], lines, attributes)
    return dict(zip(names, lines, strict=True))
