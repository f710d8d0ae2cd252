"""What all pages write: markdown tables, counts and durations."""

import re
from collections.abc import Iterable
from typing import Any


def paragraphs(parts: Iterable[str]) -> str:
    """Parts of a page with a blank line between them, without those that are empty."""
    return "\n\n".join(part for part in parts if part)


def titled(title: str, lines: list[str]) -> str:
    """Lines below their title, or the sentence that leads to them; nothing without lines."""
    return f"{title}\n\n" + "\n".join(lines) if lines else ""


def grid(header: list[str], lines: list[list[str]]) -> str:
    """A markdown table."""
    rule = ["---"] * len(header)
    escaped = [[text.replace("|", "\\|").replace("\n", " ") for text in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *escaped])


def without_markup(page: str) -> str:
    """A page whose words come from result files: their tags and links stand there as text."""
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", page).replace("](", "]\\(")


def count(number: Any, what: str) -> str:
    """`1 core`, `2 cores`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def duration(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
