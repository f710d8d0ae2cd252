"""What a report is about: the runs below a folder, and what is said of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from tricklift.report.html import anchors
from tricklift.tables.analysis import Analysis, Question, analyse, asked_columns
from tricklift.tables.columns import Column, in_order, labels, of_task
from tricklift.tables.compare import Line, Row, build_rows, lines
from tricklift.tables.families import Family
from tricklift.tables.pairs import baselines_of
from tricklift.tables.records import Record, find

#: Unless another number is asked for.
PICTURES = 12


def _nothing(said: str) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class Study:
    """The runs of one folder; everything that is computed from them is computed once.

    Attributes:
        folder: Where they lie.
        records: Their result files, those of unfinished runs among them.
        question: What is asked of them; its baseline is the one chosen on the command line.
        live: Whether runs go on: then the page loads itself anew.
        pictures: Images of data that a part shows at once; 0 leaves all of them out.
        say: Is told of what takes some seconds.
    """

    folder: Path
    records: Sequence[Record]
    question: Question = field(default_factory=Question)
    live: bool = False
    pictures: int = PICTURES
    say: Callable[[str], None] = _nothing
    _families: dict[tuple[str, str | None], Sequence[Family]] = field(default_factory=dict)

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
        return asked_columns(self.lines, self.question)

    def compared(self, tier: str) -> dict[str, Line]:
        """Label in the tier's columns -> the first line of it, in the order of the table."""
        return in_order([column for column in self.columns if column.tier == tier], self.lines)

    def of_task(self, tier: str, task: str) -> dict[str, Line]:
        """The tier's lines with runs of a task: what each is called, told apart from the others."""
        return of_task([line for line in self.lines if line.first["tier"] == tier], task)

    @cached_property
    def analysis(self) -> Analysis:
        """Differences, ranks and claims."""
        return analyse(self.lines, self.question, self.columns)

    @cached_property
    def labels(self) -> list[str]:
        """What each line is called; lines that differ in heads alone share a label."""
        found: list[str] = [""] * len(self.lines)
        for tier in self.tiers:
            places = [place for place, line in enumerate(self.lines) if line.first["tier"] == tier]
            names = labels([self.lines[place] for place in places])
            for place, name in zip(places, names, strict=True):
                found[place] = name
        return found

    def families(self, kind: str, tier: str, baseline: str | None = None) -> dict[str, Family]:
        """Title of a column -> its differences of a kind, with p and intervals for all of them.

        Args:
            kind: `baseline` or `ladder`.
            tier: Of the runs.
            baseline: A label of the tier's columns; None: the one of the question.

        Returns:
            Nothing for a baseline that is in no column.
        """
        asked = baseline or self.baselines[tier]
        found = self._asked(kind, asked if kind == "baseline" else None)
        return {family.title: family for family in found if family.tier == tier}

    def _asked(self, kind: str, baseline: str | None) -> Sequence[Family]:
        if baseline and not any(baseline in column.lines for column in self.columns):
            return ()
        key = (kind, baseline)
        if key not in self._families:
            question = replace(self.question, pairs=kind, baseline=baseline, claims=())
            self._families[key] = analyse(self.lines, question, self.columns).families
        return self._families[key]

    @cached_property
    def baselines(self) -> Mapping[str, str]:
        """Tier -> label of its baseline; a tier without the row that was asked for has its own."""
        usual = baselines_of(self.lines, self.columns, None)
        return {tier: found or usual[tier] for tier, found in self.analysis.baselines.items()}

    @cached_property
    def tier_ids(self) -> dict[str, str]:
        """Tier -> what ids in the page call it."""
        return dict(zip(self.tiers, anchors(self.tiers), strict=True))

    def baseline_lines(self, tier: str) -> list[Line]:
        """The lines of the baseline's row, one a head; the one that is compared with first."""
        chosen = self.compared(tier).get(self.baselines[tier])
        named = list(zip(self.labels, self.lines, strict=True))
        own = next((label for label, line in named if line is chosen), self.baselines[tier])
        found = [it for label, it in named if label == own and it.first["tier"] == tier]
        return sorted(found, key=lambda line: line is not chosen)

    @cached_property
    def tiers(self) -> list[str]:
        """Of the finished runs."""
        return list(dict.fromkeys(str(line.first["tier"]) for line in self.lines))


def read(
    folder: str | Path,
    question: Question | None = None,
    live: bool = False,
    pictures: int = PICTURES,
    say: Callable[[str], None] = _nothing,
) -> Study:
    """The study of a folder.

    Raises:
        MissingFileError: No such folder, or no result in it.
        UserError: A file that is no result, or a question that the rows do not allow.
    """
    return Study(Path(folder), find(folder), question or Question(), live, pictures, say)
