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


@dataclass(frozen=True)
class Said:
    """What one column says of a row."""

    task: str
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
    """What the tier says of its highest row; None where there is nothing to compare."""
    row = highest(study, tier)
    if row is None:
        return None
    name, top = row
    return Answer(tier, name, study.baselines[tier], top, list(_said(study, tier, name)))


def highest(study: Study, tier: str) -> tuple[str, bool] | None:
    """Label of the row that is spoken of, and whether it is the top of the paper's ladder.

    Else it is the last one that starts from weights.
    """
    baseline, known = study.baselines[tier], ladder()
    rows = [
        (label, str(line.first["row"]))
        for label, line in zip(study.labels, study.lines, strict=True)
        if line.first["tier"] == tier and line.pretrained and label != baseline
    ]
    trained = [label for label, _ in rows if any(_said(study, tier, label, downstream=True))]
    of_ladder = [(known.index(row), label) for label, row in rows if row in known]
    of_ladder = [it for it in of_ladder if it[1] in trained or not trained]
    if of_ladder:
        return max(of_ladder)[1], True
    others = trained or [label for label, _ in rows]
    return (others[-1], False) if others else None


def _said(study: Study, tier: str, row: str, downstream: bool = False) -> Iterator[Said]:
    for title, family in study.families("baseline", tier).items():
        task = COLUMNS[family.metric]
        if family.metric in METRICS and not (downstream and task == "cls"):
            for found in family.differences:
                if found.row == row:
                    name = "classification" if task == "cls" else TASK_NAMES[task]
                    yield Said(name, title, found)
