"""The page: its sections in one file that asks nothing of a network."""

import base64
import hashlib
from pathlib import Path

from markupsafe import Markup

from tricklift import __version__
from tricklift.records.atomic import write_text
from tricklift.report.html import fill, source
from tricklift.report.section import Section
from tricklift.report.sections import SECTIONS
from tricklift.report.study import Study

#: Files of `templates/` that make the page's script and style.
SCRIPTS = ("script.js", "look.js", "runs.js")
STYLES = ("style.css", "look.css", "runs.css")
#: Seconds after which the page of runs that go on loads itself anew.
RELOAD = 15


def sections(study: Study) -> list[Section]:
    """Those that have something to say."""
    return [made for make in SECTIONS if (made := make(study)) is not None]


def render(study: Study) -> str:
    """The page's HTML. Its own policy forbids every address and every script but its own."""
    script = Markup("\n").join(map(source, SCRIPTS))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )
    return fill(
        "page.html",
        title="How much of a classification trick survives transfer?",
        policy=policy,
        version=__version__,
        live=RELOAD if study.live else None,
        style=Markup("\n").join(map(source, STYLES)),
        script=script,
        sections=sections(study),
    )


def write(study: Study, out: Path) -> Path:
    """Writes the page, whole or not at all."""
    write_text(out, render(study))
    return out
