"""The top of the page: the answer in a sentence for each metric, and how it was come by."""

from tricklift.report.headline import answer
from tricklift.report.html import fill
from tricklift.report.pictures.pipeline import pipeline
from tricklift.report.section import Section
from tricklift.report.study import Study


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
