"""The row that the page speaks of, and what its runs say of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tricklift.report.study import Study
from tricklift.report.wording import MINUS, told
from tricklift.tables.compare import COLUMNS, DOWNSTREAM, Line, ladder
from tricklift.tables.differences import Difference
from tricklift.tables.page import TASK_NAMES

#: One metric a task; pixAcc says of segmentation what mIoU says.
METRICS = ("top1", "voc_map", "miou")
DOWNSTREAM_METRICS = METRICS[1:]
#: A command ends with a sentence for each of so many rows.
MOST_ROWS = 10


@dataclass(frozen=True)
class Said:
    """What one column says of a row."""

    task: str
    metric: str
    title: str
    found: Difference


@dataclass(frozen=True)
class Answer:
    """What a tier's runs say of one row against the baseline, and its largest steps."""

    tier: str
    row: str
    baseline: str
    all_tricks: bool
    said: list[Said]
    steps: list[Said]

    @property
    def checkpoints(self) -> bool:
        """Whether some of it is of these checkpoints alone."""
        return any(said.found.p is None for said in self.said)


def sentences(study: Study) -> list[str]:
    """`X over Y: +2.9 [+2.1, +3.7] top-1: better; ...`, a line for each row with a pretraining.

    With more than `MOST_ROWS` of them, one for the row that the page speaks of.
    """
    named = len(study.tiers) > 1
    return [_sentence(it, named) for tier in study.tiers for it in _answers(study, tier)]


def _answers(study: Study, tier: str) -> list[Answer]:
    """What is said of each row of a tier; of the one with all tricks, that it has them."""
    spoken, baseline = answer(study, tier), study.baselines[tier]
    rows = [it for it, line in study.compared(tier).items() if line.pretrained and it != baseline]
    if spoken is None or spoken.baseline != baseline or len(rows) > MOST_ROWS:
        return [spoken] if spoken else []
    each = [
        Answer(tier, row, baseline, False, list(_said(study, tier, row, baseline)), [])
        for row in rows
        if row != spoken.row
    ]
    return [*(it for it in each if it.said), spoken]


def _sentence(found: Answer, named: bool) -> str:
    said = "; ".join(told(it.found, it.title) for it in found.said)
    tier = f"{found.tier}: " if named else ""
    together = "all tricks together, " if found.all_tricks else ""
    return f"{tier}{together}{found.row} over {found.baseline}: {said}.".replace(MINUS, "-")


def answer(study: Study, tier: str) -> Answer | None:
    """What the tier says of its highest row; None where there is nothing to compare.

    Where the baseline is the only row that starts from weights, it is compared with random init.
    """
    baseline = study.baselines[tier]
    row, top = highest(study, tier)
    if row is None and (fresh := _random_init(study, tier, baseline)) not in (None, baseline):
        row, baseline = baseline, str(fresh)
    said = list(_said(study, tier, row, baseline)) if row else []
    steps = list(_largest_steps(study, tier)) if top else []
    return Answer(tier, str(row), baseline, top, said, steps) if said else None


def highest(study: Study, tier: str) -> tuple[str | None, bool]:
    """Label of the row that is spoken of, and whether it has all tricks of the paper's ladder.

    That is the highest of the ladder, else the last one that starts from weights, apart from the
    baseline; where heads are compared, with those of the baseline if it can.
    """
    baseline, rows = study.baselines[tier], study.compared(tier)
    pretrained = [label for label, line in rows.items() if line.pretrained and label != baseline]
    trained = [
        label
        for label in pretrained
        if any(said.metric in DOWNSTREAM_METRICS for said in _said(study, tier, label, baseline))
    ]
    names = {label: str(line.first["row"]) for label, line in rows.items()}
    order = [*(name for name in names.values() if name not in ladder()), *ladder()]

    def place(label: str) -> tuple[bool, int, int]:
        other = names[label] != names.get(baseline)
        return other, order.index(names[label]), _shared_heads(rows, label, baseline)

    found = max(reversed(trained or pretrained), key=place, default=None)
    if found is None:
        return None, False
    return found, place(found)[0] and names[found] in ("D-tricks", ladder()[-1])


def _shared_heads(rows: Mapping[str, Line], label: str, other: str) -> int:
    """Of how many tasks two rows have the same head."""
    both = [rows[it] for it in (label, other) if it in rows]
    return sum(len({line.head(task) for line in both}) == 1 for task in DOWNSTREAM)


def _random_init(study: Study, tier: str, other: str) -> str | None:
    """Label of the row that starts from random weights, with the heads of another if it can."""
    rows = study.compared(tier)
    fresh = [label for label, line in rows.items() if not line.pretrained]
    return max(fresh, key=lambda label: _shared_heads(rows, label, other), default=None)


def _largest_steps(study: Study, tier: str) -> Iterator[Said]:
    """Of each metric the step between pretrained rows that brings most, of those decided."""
    rows = study.compared(tier)
    for title, family in study.families("ladder", tier).items():
        steps = [
            it
            for it in family.differences
            if it.decided and it.mean > 0 and rows[it.against].pretrained
        ]
        if steps and family.metric in METRICS:
            most = max(steps, key=lambda it: it.mean)
            yield Said(COLUMNS[family.metric], family.metric, title, most)


def _said(study: Study, tier: str, row: str, baseline: str) -> Iterator[Said]:
    for title, family in study.families("baseline", tier, baseline).items():
        task = COLUMNS[family.metric]
        for found in family.differences:
            if family.metric in METRICS and found.row == row:
                name = "classification" if task == "cls" else TASK_NAMES[task]
                yield Said(name, family.metric, title, found)
