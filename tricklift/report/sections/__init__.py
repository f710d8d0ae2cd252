"""The sections of the page, in their order."""

from collections.abc import Callable

from tricklift.report.section import Section
from tricklift.report.sections import answer
from tricklift.report.study import Study

SECTIONS: tuple[Callable[[Study], Section | None], ...] = (answer.section,)
