"""What a report is about: the runs below a folder, and what is said of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from tricklift.tables.analysis import Analysis, Family, Question, analyse
from tricklift.tables.columns import Column, columns, labels
from tricklift.tables.compare import Line, Row, build_rows, lines
from tricklift.tables.pairs import baselines_of, names_a_head
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
        across = self.question.pairs == "all" or names_a_head(self.question.baseline, self.lines)
        return columns(self.lines, across)

    def column_labels(self, tier: str) -> list[str]:
        """The labels of a tier's columns, in the order of the table."""
        places = {id(line): place for place, line in enumerate(self.lines)}
        found = [
            (places[id(line)], label)
            for column in self.columns
            if column.tier == tier
            for label, line in column.lines.items()
        ]
        return list(dict.fromkeys(label for _, label in sorted(found)))

    @cached_property
    def analysis(self) -> Analysis:
        """Differences, ranks and claims."""
        return analyse(self.lines, self.question)

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
            baseline: A label of the tier; None: the one of the question.
        """
        found = self._asked(kind, baseline or self.baselines[tier])
        return {family.title: family for family in found if family.tier == tier}

    def _asked(self, kind: str, baseline: str) -> Sequence[Family]:
        key = (kind, baseline if kind == "baseline" else None)
        if key not in self._families:
            question = replace(self.question, pairs=kind, baseline=baseline or None, claims=())
            self._families[key] = analyse(self.lines, question).families
        return self._families[key]

    @cached_property
    def baselines(self) -> Mapping[str, str]:
        """Tier -> label of its baseline; a tier without the row that was asked for has its own."""
        usual = baselines_of(self.lines, self.columns, None)
        return {tier: found or usual[tier] for tier, found in self.analysis.baselines.items()}

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
