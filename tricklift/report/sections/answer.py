"""The top of the page: what is asked, and the answer in a sentence for each metric."""

from tricklift.report.html import fill
from tricklift.report.section import Section
from tricklift.report.study import Study


def section(study: Study) -> Section | None:
    """Always there."""
    return Section("Answer", "answer", fill("answer.html", study=study))
