"""The top of the page: the answer in a sentence for each metric, and how it was come by."""

from collections.abc import Iterator
from dataclasses import dataclass

from tricklift.report.html import fill
from tricklift.report.pictures.pipeline import pipeline
from tricklift.report.section import Section
from tricklift.report.study import Study
from tricklift.tables.compare import COLUMNS, ladder
from tricklift.tables.differences import Difference
from tricklift.tables.page import TASK_NAMES

#: One metric a task; pixAcc says of segmentation what mIoU says.
METRICS = ("top1", "voc_map", "miou")
DOWNSTREAM_METRICS = METRICS[1:]


@dataclass(frozen=True)
class Said:
    """What one column says of a row."""

    task: str
    metric: str
    title: str
    found: Difference


@dataclass(frozen=True)
class Answer:
    """What a tier's runs say of one row against the baseline."""

    tier: str
    row: str
    baseline: str
    all_tricks: bool
    said: list[Said]


def section(study: Study) -> Section | None:
    """Always there."""
    left = len(study.records) - len(study.done)
    body = fill(
        "answer.html",
        study=study,
        answers=[found for tier in study.tiers if (found := answer(study, tier))],
        left=left,
        pipeline=pipeline(study) if study.lines else "",
    )
    return Section("The answer", "answer", body)


def answer(study: Study, tier: str) -> Answer | None:
    """What the tier says of its highest row; None where there is nothing to compare.

    Where the baseline is the only row that starts from weights, it is compared with random init.
    """
    baseline = study.baselines[tier]
    row, top = highest(study, tier)
    if row is None and (fresh := _random_init(study, tier)) not in (None, baseline):
        row, baseline = baseline, str(fresh)
    said = list(_said(study, tier, row, baseline)) if row else []
    return Answer(tier, str(row), baseline, top, said) if said else None


def highest(study: Study, tier: str) -> tuple[str | None, bool]:
    """Label of the row that is spoken of, and whether it is the top of the paper's ladder.

    Else it is the last one that starts from weights, apart from the baseline.
    """
    baseline, known = study.baselines[tier], ladder()
    rows = [
        (label, str(line.first["row"]))
        for label, line in zip(study.labels, study.lines, strict=True)
        if line.first["tier"] == tier and line.pretrained and label != baseline
    ]
    trained = [
        label
        for label, _ in rows
        if any(said.metric in DOWNSTREAM_METRICS for said in _said(study, tier, label, baseline))
    ]
    of_ladder = [(known.index(row), label) for label, row in rows if row in known]
    of_ladder = [it for it in of_ladder if it[1] in trained or not trained]
    if of_ladder:
        return max(of_ladder)[1], True
    others = trained or [label for label, _ in rows]
    return (others[-1] if others else None), False


def _random_init(study: Study, tier: str) -> str | None:
    """Label of the first row that starts from random weights."""
    found = [
        label
        for label, line in zip(study.labels, study.lines, strict=True)
        if line.first["tier"] == tier and not line.pretrained
    ]
    return found[0] if found else None


def _said(study: Study, tier: str, row: str, baseline: str) -> Iterator[Said]:
    for title, family in study.families("baseline", tier, baseline).items():
        task = COLUMNS[family.metric]
        for found in family.differences:
            if family.metric in METRICS and found.row == row:
                name = "classification" if task == "cls" else TASK_NAMES[task]
                yield Said(name, family.metric, title, found)
