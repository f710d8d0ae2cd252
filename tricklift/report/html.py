"""HTML from templates. What users named is escaped everywhere: Jinja's autoescape is on."""

import re
from collections.abc import Iterable
from functools import cache
from itertools import chain, count
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tricklift.report import wording
from tricklift.tables.statistics_page import p_value


@cache
def environment() -> Environment:
    """The templates of `templates/`; a value that is missing is an error."""
    made = Environment(
        loader=PackageLoader("tricklift.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"signed": wording.signed, "size": wording.size, "hours": wording.hours}
    made.globals |= {"SAID": wording.SAID, "MARKS": wording.MARKS, "wording": wording}
    made.globals |= {"p_value": p_value}
    return made


def fill(template: str, **values: Any) -> Markup:
    """A template of `templates/` with its values, escaped unless they are `Markup`."""
    return Markup(environment().get_template(template).render(**values))


def source(name: str) -> Markup:
    """A file of `templates/` as it is: the page's own style and script."""
    loaded, _, _ = environment().loader.get_source(environment(), name)  # type: ignore[union-attr]
    return Markup(loaded)


def anchors(texts: Iterable[str]) -> list[str]:
    """What may be ids, no two alike: `mIoU (fcn)` -> `miou-fcn`, and where it is taken a number."""
    found: list[str] = []
    for text in texts:
        plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "part"
        names = chain([plain], (f"{plain}-{number}" for number in count(2)))
        found.append(next(name for name in names if name not in found))
    return found
