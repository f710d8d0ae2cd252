"""What a report is about: the runs below a folder, and what is said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tricklift.tables.analysis import Analysis, Question, analyse
from tricklift.tables.columns import Column, columns
from tricklift.tables.compare import Line, Row, build_rows, lines
from tricklift.tables.pairs import names_a_head
from tricklift.tables.records import Record, find


@dataclass(frozen=True)
class Study:
    """The runs of one folder; everything that is computed from them is computed once.

    Attributes:
        folder: Where they lie.
        records: Their result files, those of unfinished runs among them.
        question: What is asked of them; its baseline is the one chosen on the command line.
        live: Whether runs go on: then the page loads itself anew.
    """

    folder: Path
    records: Sequence[Record]
    question: Question = field(default_factory=Question)
    live: bool = False

    @cached_property
    def done(self) -> list[Record]:
        """Finished runs; only these count."""
        return [record for record in self.records if record.done]

    @cached_property
    def lines(self) -> list[Line]:
        """The finished runs behind each row of the table."""
        return lines(self.done)

    @cached_property
    def rows(self) -> list[Row]:
        """Rows of the table, one a line."""
        return build_rows(self.done)

    @cached_property
    def columns(self) -> list[Column]:
        """What can be compared: of each tier, metric and head, label -> line."""
        across = self.question.pairs == "all" or names_a_head(self.question.baseline, self.lines)
        return columns(self.lines, across)

    @cached_property
    def analysis(self) -> Analysis:
        """Differences, ranks and claims."""
        return analyse(self.lines, self.question)

    @property
    def baselines(self) -> Mapping[str, str]:
        """Tier -> label of its baseline."""
        return self.analysis.baselines

    @cached_property
    def tiers(self) -> list[str]:
        """Of the finished runs."""
        return list(dict.fromkeys(str(line.first["tier"]) for line in self.lines))


def read(folder: str | Path, question: Question | None = None, live: bool = False) -> Study:
    """The study of a folder.

    Raises:
        MissingFileError: No such folder, or no result in it.
        UserError: A file that is no result, or a question that the rows do not allow.
    """
    return Study(Path(folder), find(folder), question or Question(), live)
