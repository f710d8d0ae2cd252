"""What a page is made of.

A section is a function `section(study) -> Section | None` in a module of `sections/`, listed in
`tricklift.report.sections.SECTIONS`; None leaves it out. Its body comes from a template of
`templates/` (`tricklift.report.html.fill`), which escapes what users wrote, and its pictures from
`tricklift.report.figures`.
"""

import base64
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Download:
    """A file that the page holds in a link.

    Attributes:
        name: Of the file, with its suffix.
        text: What it holds.
        kind: Its media type.
    """

    name: str
    text: str
    kind: str = "text/csv"

    @property
    def address(self) -> str:
        """A `data:` address."""
        held = base64.b64encode(self.text.encode()).decode()
        return f"data:{self.kind};charset=utf-8;base64,{held}"


def csv_file(name: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> Download:
    """A table to take along; None is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return Download(name, stream.getvalue())


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        title: Heading, and the entry in the list of contents.
        anchor: Its id, one in the page: `ladder`.
        body: HTML.
        downloads: Files to offer below it. Figures offer their SVG by themselves.
    """

    title: str
    anchor: str
    body: Markup
    downloads: Sequence[Download] = ()
