"""Hooks of mkdocs: the changelog is a page, and pages of results leave their tables more room."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def on_files(files: Any, config: Any) -> Any:
    """Adds the changelog, which lies outside of docs: links lead from there, or to no page."""
    text = CHANGELOG.read_text(encoding="utf-8").replace("](docs/", "](")
    text = re.sub(r"\[([^]]+)\]\([A-Z]+\.md\)", r"\1", text)
    files.append(File.generated(config, "changelog.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> None:
    """Hides the table of contents beside the pages that `tricklift compare` writes."""
    folder, _, name = page.file.src_uri.rpartition("/")
    if folder == "results" and name != "README.md":
        page.meta["hide"] = ["toc"]
