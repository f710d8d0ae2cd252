"""The sections of the page, in their order."""

from collections.abc import Callable

from tricklift.report.section import Section
from tricklift.report.sections import (
    answer,
    augmentation,
    classes,
    correlation,
    cost,
    curves,
    predictions,
    protocol,
    runs,
    steps,
    transfer,
)
from tricklift.report.study import Study

SECTIONS: tuple[Callable[[Study], Section | None], ...] = (
    answer.section,
    transfer.section,
    steps.section,
    correlation.section,
    classes.section,
    predictions.section,
    augmentation.section,
    curves.section,
    cost.section,
    protocol.section,
    runs.section,
)
